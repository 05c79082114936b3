"""Step sizes and convergence rates that the papers prove."""
