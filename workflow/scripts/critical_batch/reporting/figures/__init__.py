"""The figures: each is an entry of `registry.FIGURES` and a module of the same name that draws it.

The module's `draw` is a pure function from tables or arrays to a Figure and the data behind it.

Nothing that was not reached is given a number or left out: it stands in a strip of its own, or a
word says so. What figures share is in `shared.py` (axes against batch size) and
`critical_batch/reporting/style.py`.
"""
