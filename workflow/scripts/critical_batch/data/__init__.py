"""Data sets: kinds of raw data (kinds.py), and the packed array that the rest reads (packed.py)."""
