"""Methods that learned power control is compared with, and comparisons of them all."""
