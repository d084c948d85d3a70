"""What entries build: optimizers that torch has not, or has with what is not needed here."""
