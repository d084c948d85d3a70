"""Feature networks: what maps an image to the vector whose distribution is compared.

Needs torch where a network is loaded only, so that the facts of `kinds/` can be read without it.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ...runtime.files import sha256
from .kinds import FEATURE_NETWORKS
from .settings import FeatureSettings

if TYPE_CHECKING:
    import torch

__all__ = ["FEATURE_NETWORKS", "FeatureNetwork", "load_features", "statistics_key"]


class FeatureNetwork(Protocol):
    """name: as in the configuration. dimensions: length d of a vector."""

    name: str
    dimensions: int

    def to(self, device: "torch.device | str") -> "FeatureNetwork":
        """Moves the network to a device and returns it."""
        ...

    def features(self, images: "torch.Tensor") -> "torch.Tensor":
        """uint8 [n, C, H, W] to float32 [n, d], without gradients, on the images' device."""
        ...


def load_features(
    settings: FeatureSettings, weights: str | Path, device: "torch.device | str" = "cpu"
) -> FeatureNetwork:
    """Loads a feature network onto a device; UserError if the file is missing or damaged.

    weights: the path of its file; of no meaning to a network that needs none.
    """
    kind = FEATURE_NETWORKS[settings.features]
    return kind.load(Path(weights) if kind.weights else None, settings).to(device)


def statistics_key(
    manifest: Mapping[str, Any], settings: FeatureSettings, weights: str | Path, pixel_map: str
) -> str:
    """The key of reference statistics: of the data, the feature network, its file, the pixel map.

    manifest: of the packed data set.
    """
    from ..frechet import reference_key

    features = json.dumps(settings.to_json())
    digest = sha256(weights) if FEATURE_NETWORKS[settings.features].weights else ""
    return reference_key(manifest["sha256"], features, digest, pixel_map)
