"""The kinds of feature networks: each module of this folder is one entry of `FEATURE_NETWORKS`.

docs/extending.md tells how to add one, with an example. An entry imports its network where it loads
it: Inception brings torchvision along, seconds of a short job.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ....registries.registry import Registry

if TYPE_CHECKING:
    from ..loading import FeatureNetwork
    from ..settings import FeatureSettings

    Load = Callable[[Path | None, FeatureSettings], FeatureNetwork]


@dataclass(frozen=True, kw_only=True)
class FeatureKind:
    """One feature network, by the name that `fid: {features: NAME}` calls it.

    description: a few words that go on after "The network whose features are compared,".
    dimensions: length of a feature vector.
    load: (weights, settings) -> the network, as `metrics.features.loading.load_features` describes
    them. weights:
        the path of its file, None where it needs none.
    prefix: stands before the name of a distance in tables and on axes, as in `classifier-FID`.
    fewest_images: how many real images it needs; a covariance needs two.
    needs_labels: whether the data set must have classes.
    resizes: the values that `fid.resize` may have, the default first; none where images are taken
        at their own size.
    named_weights: whether its weights are those of the configuration's section `inception`.
    weights: (name of the data set, file that the configuration names or None) -> the path of its
        file, from the working directory. None where it needs no file.
    """

    description: str
    dimensions: int
    load: "Load"
    prefix: str = ""
    fewest_images: int = 2
    needs_labels: bool = False
    resizes: tuple[str, ...] = ()
    named_weights: bool = False
    weights: Callable[[str, str | None], str] | None = None


FEATURE_NETWORKS: Registry[FeatureKind] = Registry(__name__, "KIND", FeatureKind)
"""Name in the configuration -> feature network."""
