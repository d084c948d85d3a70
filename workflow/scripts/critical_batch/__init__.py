"""Critical batch size of GAN training with two time-scale update rules (ICML 2023)."""
