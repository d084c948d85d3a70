"""Kernel distance between two sets of features: the unbiased squared MMD of a cubic kernel.

    MMD^2 = mean of k(x, x') over x != x' + mean of k(y, y') over y != y' - 2 mean of k(x, y)
    k(x, y) = (x . y / d + 1)^3

With Inception features it is the KID of Bińkowski et al., "Demystifying MMD GANs" (2018). Its mean
over random subsets is that of the package torch-fidelity, with the same subsets; the deviation
over subsets, which says nothing of other samples, is left out. Sums are float64.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..runtime.errors import UserError
from ..runtime.files import atomic_path

SEED = 2020
"""Of the subsets: that of torch-fidelity."""

MOST_REAL = 10_000
"""So many real images are kept at most, evenly over the data set: 80 MB of Inception's features."""


def squared_mmd(one: Tensor, other: Tensor) -> float:
    """Unbiased squared MMD of two sets [m, d] of one size m >= 2; may be negative."""
    one, other = one.double(), other.double()
    count = len(one)
    within = _off_diagonal(_kernel(one, one)) + _off_diagonal(_kernel(other, other))
    between = _kernel(one, other).sum()
    return float(within / (count * (count - 1)) - 2 * between / count**2)


def _kernel(one: Tensor, other: Tensor) -> Tensor:
    return (one @ other.T / one.shape[1] + 1) ** 3


def _off_diagonal(kernel: Tensor) -> Tensor:
    return kernel.sum() - kernel.trace()


def kernel_distance(
    generated: Tensor, real: Tensor, *, subsets: int, subset_size: int, seed: int = SEED
) -> float:
    """Mean of `squared_mmd` over random subsets of generated [n, d] and real [m, d] features.

    NaN where a generated feature is not finite. Raises ValueError where a subset is larger than
    one of the two sets.
    """
    if subset_size > min(len(generated), len(real)):
        raise ValueError(f"no {subset_size} rows among {len(generated)} and {len(real)}")
    if not bool(torch.isfinite(generated).all()):
        return float("nan")
    # In the order of torch-fidelity: a subset of the generated ones, then one of the real ones.
    random, real = np.random.RandomState(seed), real.to(generated.device)

    def subset(rows: Tensor) -> Tensor:
        return rows[torch.from_numpy(random.choice(len(rows), subset_size, replace=False))]

    return sum(squared_mmd(subset(generated), subset(real)) for _ in range(subsets)) / subsets


class Features:
    """Features [n, dimensions] that come in pieces, all of them kept, on their device."""

    def __init__(self, dimensions: int) -> None:
        self.count, self._parts = 0, [torch.zeros(0, dimensions)]

    def update(self, features: Tensor) -> None:
        """Adds the rows of features [n, dimensions]."""
        self.count += len(features)
        self._parts.append(features)

    @property
    def rows(self) -> Tensor:
        """All rows so far, in their order: float32 [count, dimensions]."""
        return torch.cat([part.to(self._parts[-1].device) for part in self._parts])


@dataclass(frozen=True)
class RealFeatures:
    """Features of real images. rows: float32 [n, d] on the CPU. count: images of the data set."""

    rows: Tensor
    count: int
    key: str

    @classmethod
    def of(cls, features: Features, key: str) -> "RealFeatures":
        """`MOST_REAL` rows at most, evenly spaced; ValueError where they are not finite."""
        kept = min(features.count, MOST_REAL)
        rows = features.rows.float().cpu()[torch.arange(kept) * features.count // kept]
        if not bool(torch.isfinite(rows).all()):
            raise ValueError("features of the real images are not finite")
        return cls(rows, features.count, key)

    def save(self, path: str | Path) -> None:
        """Writes an .npz file, atomically."""
        with atomic_path(path) as temporary:
            np.savez(
                temporary,
                features=self.rows.numpy(),
                count=np.int64(self.count),
                key=np.array(self.key),
            )

    @classmethod
    def load(cls, path: str | Path) -> "RealFeatures":
        """Reads what `save` wrote; UserError naming the file if it is missing or damaged."""
        try:
            with np.load(path, allow_pickle=False) as file:
                rows = torch.from_numpy(file["features"])
                count, key = int(file["count"]), str(file["key"])
        except FileNotFoundError:
            raise UserError(f"{path} is missing: run the rule that makes it") from None
        except Exception:  # NumPy and zipfile raise almost anything on damaged bytes.
            raise UserError(f"{path} is damaged: delete it and run again") from None
        sound = rows.ndim == 2 and rows.dtype == torch.float32 and len(rows) <= count
        if not (sound and bool(torch.isfinite(rows).all())):
            raise UserError(f"{path} is damaged: delete it and run again")
        return cls(rows, count, key)
