"""The kinds of feature networks: each module of this folder is one entry of `NETWORKS`.

An entry imports its network where it loads it: Inception brings torchvision along, seconds of a
short job.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ...registry import Registry

if TYPE_CHECKING:
    from ...feature_settings import FeatureSettings
    from .. import FeatureNetwork

    Load = Callable[[str | Path, FeatureSettings], FeatureNetwork]

NETWORKS: "Registry[Load]" = Registry(__name__, "load", Callable)
"""Name in the configuration -> function that loads the network: (weights, settings), as those of
`features.load_features`."""
