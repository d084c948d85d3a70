"""The figures: each module draws one, as a pure function from tables and arrays to a Figure.

Nothing that was not reached is given a number or left out: it stands in a strip of its own, or a
word says so. What figures share is in `shared.py` (axes against batch size) and `ttur/style.py`.
"""
