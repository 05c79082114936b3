"""What depends on actions: pure functions of arrays, numpy or torch alike."""
