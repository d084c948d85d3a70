"""Feature networks: what maps an image to the vector whose distribution is compared.

To add one, write its module with a class that has the attributes below and a function that
loads it, and an entry in `kinds/`.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch

from ..feature_settings import FeatureSettings
from ..files import sha256
from ..frechet import reference_key
from .kinds import NETWORKS

__all__ = ["NETWORKS", "FeatureNetwork", "load_features", "statistics_key"]


class FeatureNetwork(Protocol):
    """name: as in the configuration. dimensions: length d of a vector."""

    name: str
    dimensions: int

    def to(self, device: torch.device | str) -> "FeatureNetwork":
        """Moves the network to a device and returns it."""
        ...

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """uint8 [n, C, H, W] to float32 [n, d], without gradients, on the images' device."""
        ...


def load_features(
    settings: FeatureSettings, weights: str | Path, device: torch.device | str = "cpu"
) -> FeatureNetwork:
    """Loads a feature network onto a device; UserError if the file is missing or damaged."""
    return NETWORKS[settings.features](weights, settings).to(device)


def statistics_key(
    manifest: Mapping[str, Any], settings: FeatureSettings, weights: str | Path, pixel_map: str
) -> str:
    """The key of reference statistics: of the data, the feature network, its file, the pixel map.

    manifest: of the packed data set.
    """
    features = json.dumps(settings.to_json())
    return reference_key(manifest["sha256"], features, sha256(weights), pixel_map)
