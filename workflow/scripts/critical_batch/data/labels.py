"""Which classes generated samples are of.

Generated images can only be like the data where each class is as frequent in both: beside 900 real
images of one class and 100 of another, a perfect generator with uniform labels is far off.

    data     each class as often as in the data set
    uniform  every class equally often, as the authors' BigGAN draws them
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


class SampleLabels:
    """Draws labels 0, 1, ... with probabilities proportional to `counts`.

    counts: whole numbers, at least one above 0; a class with 0 is never drawn.
    """

    def __init__(self, counts: Sequence[int]):
        counts = np.asarray(counts, dtype=np.int64)
        # Without a common divisor, so that equally frequent classes are 1, 1, ...: then a number
        # below `_total` is the label itself, and the draws are those of a plain uniform label.
        self._ends = torch.from_numpy(np.cumsum(counts // np.gcd.reduce(counts)))
        self._total = int(self._ends[-1])

    @classmethod
    def of(cls, kind: str, labels: np.ndarray, classes: int) -> "SampleLabels":
        """Those of a data set. kind: data or uniform. labels: int64 [N], of the real images.

        classes: their number, 0 where images have no labels; then every draw is 0.
        """
        if kind == "uniform" or not classes:
            return cls.uniform(classes)
        return cls(np.bincount(labels, minlength=classes))

    @classmethod
    def uniform(cls, classes: int) -> "SampleLabels":
        """All classes equally often; 0 stands for no classes."""
        return cls([1] * max(classes, 1))

    def draw(self, shape: Sequence[int], random: torch.Generator) -> Tensor:
        """Labels, int64 of this shape.

        Takes one number a label from `random` whatever the counts (of fewer than 2^28 images), so
        that what the same stream gives afterwards does not depend on them.
        """
        numbers = torch.randint(self._total, tuple(shape), generator=random)
        return torch.searchsorted(self._ends, numbers, right=True)
