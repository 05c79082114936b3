"""Rates and utilities, the part that depends on actions: pure functions of arrays, numpy or torch alike."""
