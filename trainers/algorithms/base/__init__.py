"""Base classes of the algorithms: settings, batching, counting, checkpoints."""
