"""Experiments: from a YAML file to a run directory with its table and figure."""
