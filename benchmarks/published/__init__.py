"""Values that papers have published, and ours of the same settings beside them."""
