"""The papers' claims, checked against runs."""
