"""Losses and penalties as functions of tensors, for the entries of the objectives."""
