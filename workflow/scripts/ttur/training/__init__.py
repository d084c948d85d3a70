"""Training: draws, step, evaluation grid, loop, resume state."""
