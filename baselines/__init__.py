"""What learned power control is compared with."""
