"""Feature networks: what maps an image to the vector whose distribution is compared.

To add one, write its module with a class that has the attributes below and a function that
loads it, and add that function to `NETWORKS`.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import torch

from .classifier import load_classifier

__all__ = ["NETWORKS", "FeatureNetwork", "load_features"]


class FeatureNetwork(Protocol):
    """name: as in the configuration. metric: the text on axes. dimensions: length d of a vector."""

    name: str
    metric: str
    dimensions: int

    def to(self, device: torch.device | str) -> "FeatureNetwork":
        """Moves the network to a device and returns it."""
        ...

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """uint8 [n, C, H, W] to float32 [n, d], without gradients, on the images' device."""
        ...


NETWORKS: Mapping[str, Callable[[str | Path], FeatureNetwork]] = {"classifier": load_classifier}
"""Name of a feature network -> function that loads it from a file of weights."""


def load_features(
    name: str, weights: str | Path, device: torch.device | str = "cpu"
) -> FeatureNetwork:
    """Loads the feature network `name` onto a device; UserError if the file is missing or damaged.

    name: a key of `NETWORKS`.
    """
    return NETWORKS[name](weights).to(device)
