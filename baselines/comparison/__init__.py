"""Comparisons: from a YAML file to tables of all methods on the same channels."""
