"""Time limits of the tests, in seconds.

They are for hangs, not for slow machines: at least ten times what a quiet machine with two cores
needs. A test that measures speed says so itself, in processor time.
"""

HANG = 3600.0
"""For a process to end. The longest, `paper.yaml` in miniature, takes three minutes."""
SOON = 300.0
"""For something to appear that takes seconds: a line of a log, an element of a page."""
