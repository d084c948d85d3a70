"""Losses and penalties as functions of tensors; the entries of the objectives take them from here."""
