"""Reports of runs, comparisons and claims: one page that needs no network, or the same as JSON or LaTeX."""
