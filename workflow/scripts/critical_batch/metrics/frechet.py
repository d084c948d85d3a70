"""Fréchet distance between two sets of features, each taken as a normal distribution.

    d^2 = |m1 - m2|^2 + tr C1 + tr C2 - 2 tr (C1 C2)^(1/2)

Dowson, Landau, "The Fréchet distance between multivariate normal distributions" (1982); with
Inception features it is the FID of Heusel et al., "GANs Trained by a Two Time-Scale Update Rule
Converge to a Local Nash Equilibrium" (2017). Everything here is float64.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ..runtime.errors import UserError
from ..runtime.files import atomic_path


class Moments:
    """Streaming mean and covariance of features [n, dimensions], in float64 on their device.

    The result does not depend on how the rows are split into batches, up to rounding.
    """

    def __init__(self, dimensions: int) -> None:
        self.count = 0
        self._sum = torch.zeros(dimensions, dtype=torch.float64)
        self._outer = torch.zeros(dimensions, dimensions, dtype=torch.float64)

    def update(self, features: torch.Tensor) -> None:
        """Adds the rows of features [n, dimensions]."""
        features = features.double()
        self.count += len(features)
        self._sum = self._sum.to(features.device) + features.sum(0)
        self._outer = self._outer.to(features.device) + features.T @ features

    @property
    def mean(self) -> torch.Tensor:
        """float64 [dimensions]."""
        return self._sum / self.count

    @property
    def covariance(self) -> torch.Tensor:
        """float64 [dimensions, dimensions], divided by count - 1; ValueError below two rows."""
        if self.count < 2:
            raise ValueError("a covariance needs at least two rows")
        return (self._outer - torch.outer(self._sum, self.mean)) / (self.count - 1)


def symmetric_root(covariance: torch.Tensor) -> torch.Tensor:
    """Symmetric square root [d, d] of a covariance [d, d]; negative eigenvalues count as zero."""
    values, vectors = torch.linalg.eigh(covariance)
    return (vectors * values.clamp(min=0).sqrt()) @ vectors.T


def frechet_distance(
    mean1: torch.Tensor, covariance1: torch.Tensor, mean2: torch.Tensor, covariance2: torch.Tensor
) -> float:
    """Squared Fréchet distance of means [d] and covariances [d, d]; nan where one is not finite.

    Zero may come out as a tiny number of either sign.
    """
    if not _finite(mean1, covariance1):
        return float("nan")
    root1 = symmetric_root(covariance1)
    return _distance(mean1, covariance1, root1, mean2, covariance2)


def _distance(mean1, covariance1, root1, mean2, covariance2) -> float:
    if not _finite(mean2, covariance2):
        return float("nan")
    # R C2 R, R = C1^(1/2), has the eigenvalues of C1 C2 and, unlike it, is symmetric: none of
    # them can come out complex.
    product = root1 @ covariance2 @ root1
    try:
        values = torch.linalg.eigvalsh((product + product.T) / 2)
    except torch.linalg.LinAlgError:  # numbers so large that the iteration does not converge
        return float("nan")
    difference = mean1 - mean2
    return float(
        difference @ difference
        + covariance1.trace()
        + covariance2.trace()
        - 2 * values.clamp(min=0).sqrt().sum()
    )


def _finite(*tensors: torch.Tensor) -> bool:
    return all(bool(torch.isfinite(tensor).all()) for tensor in tensors)


def reference_key(data_sha256: str, features: str, weights_sha256: str, pixel_map: str) -> str:
    """Digest of all that reference statistics depend on."""
    parts = [data_sha256, features, weights_sha256, pixel_map]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@dataclass(frozen=True)
class Reference:
    """Statistics of the real images, with the root that every distance needs.

    mean [d], covariance [d, d], root [d, d]: float64 on the CPU. count: images.
    key: see `reference_key`.
    """

    mean: torch.Tensor
    covariance: torch.Tensor
    root: torch.Tensor
    count: int
    key: str

    @classmethod
    def of(cls, moments: Moments, key: str) -> "Reference":
        """The reference of streamed moments; ValueError where they are not finite."""
        mean, covariance = moments.mean.cpu(), moments.covariance.cpu()
        if not _finite(mean, covariance):
            raise ValueError("features of the real images are not finite")
        return cls(mean, covariance, symmetric_root(covariance), moments.count, key)

    def distance(self, mean: torch.Tensor, covariance: torch.Tensor) -> float:
        """`frechet_distance` from the reference to mean [d], covariance [d, d] of any device; nan
        also where the eigenvalues cannot be found."""
        return _distance(self.mean, self.covariance, self.root, mean.cpu(), covariance.cpu())

    def save(self, path: str | Path) -> None:
        """Writes an .npz file, atomically."""
        with atomic_path(path) as temporary:
            np.savez(
                temporary,
                mean=self.mean.numpy(),
                covariance=self.covariance.numpy(),
                root=self.root.numpy(),
                count=np.int64(self.count),
                key=np.array(self.key),
            )

    @classmethod
    def load(cls, path: str | Path) -> "Reference":
        """Reads what `save` wrote; UserError naming the file if it is missing or damaged."""
        try:
            with np.load(path, allow_pickle=False) as file:
                mean, covariance, root = (
                    torch.from_numpy(file[name]) for name in ("mean", "covariance", "root")
                )
                count, key = int(file["count"]), str(file["key"])
        except FileNotFoundError:
            raise UserError(f"{path} is missing: run the rule that makes it") from None
        except Exception:  # NumPy and zipfile raise almost anything on damaged bytes.
            raise UserError(f"{path} is damaged: delete it and run again") from None
        square = (len(mean),) * 2 if mean.ndim == 1 else None
        shapes = covariance.shape == root.shape == square
        if not shapes or not _finite(mean, covariance, root):
            raise UserError(f"{path} is damaged: delete it and run again")
        return cls(mean, covariance, root, count, key)
