"""Training: job, inputs, step, seed groups, trainer, judge, journal, loop, resume state."""
