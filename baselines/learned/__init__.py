"""Baselines that learn."""
