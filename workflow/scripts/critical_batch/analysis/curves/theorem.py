"""Theorem 3.2: N(b) is proportional to b / (b - pole).

The theorem has 1/N(b) = intercept - slope / b, so the pole is slope / intercept. At and below it
the threshold is never reached. By Theorem 3.3 N(b) b is least at twice the pole.
"""

from math import inf

import numpy as np
from numpy.typing import ArrayLike

from . import Curve


def _pole(offset: ArrayLike, smallest: float) -> np.ndarray:
    """The pole with -log(1 - pole / smallest) = offset."""
    return 0.0 - smallest * np.expm1(-np.asarray(offset))  # no -0.0 at 0


def _offsets(b: np.ndarray, poles: np.ndarray) -> np.ndarray:
    """-log(1 - pole / b), +inf at and below the pole: [P, n] for poles [P] and b [n]."""
    left = 1 - poles[:, None] / b
    above = left > 0
    return np.where(above, -np.log(np.where(above, left, 1.0)), inf)


CURVE = Curve(
    description="Theorem 3.2 of Sato & Iiduka (2023), N(b) = A b / ((eps^2 - C) b - B)",
    # The coordinate is the offset at the smallest batch size that was reached: a factor of e^15
    # between the steps there and those of an infinite batch.
    span=15.0,
    shape=_pole,
    offsets=_offsets,
    critical=lambda pole: 2 * pole,
)
