"""The curves that measured steps are fitted to: each module of this folder is an entry of `CURVES`.

A curve says how the number of steps to the threshold depends on the batch size, up to a factor:

    log N(b) = level + offset(b; shape)

with one number, the shape, in which the likelihood is searched (`analysis.censored_fit`).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ...registries.registry import Registry


@dataclass(frozen=True)
class Curve:
    """One curve.

    description: one line. span: the shape is searched through a coordinate in [0, span], in which
    the likelihood is smooth. shape: (coordinate, smallest batch size that reached the threshold) ->
    shape, of the same form as the coordinate, 0 at 0. offsets: (batch sizes [n], shapes [P]) ->
    [P, n], +inf where the threshold is never reached. critical: shape -> the batch size at which
    N(b) b is least, in images; 0 where the curve is flat.
    """

    description: str
    span: float
    shape: Callable[[ArrayLike, float], np.ndarray]
    offsets: Callable[[np.ndarray, np.ndarray], np.ndarray]
    critical: Callable[[float], float]


CURVES: Registry[Curve] = Registry(__name__, "CURVE", Curve, first=("theorem",))
"""Name -> curve."""
