"""Tools of long work: files, checksums, worker processes, terminal. `baselines` uses them, too."""
