"""What measurements say: N(b), critical batch sizes, intervals, fits, noise scales, theory."""
