"""What several algorithms need: batching, counting, checkpoints."""
