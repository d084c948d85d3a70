"""The metrics: each module of this folder is one entry of `METRICS`.

A metric goes from features to statistics to a distance. docs/extending.md tells how to add one,
with an example. What needs torch is imported inside an entry's functions, so that the configuration
lists metrics without it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ...registries.registry import Registry
from ...registries.settings import NoSettings

if TYPE_CHECKING:
    from torch import Tensor


class Statistics(Protocol):
    """What a metric keeps of features that come in pieces. count: rows so far."""

    count: int

    def update(self, features: "Tensor") -> None:
        """Adds the rows of features [n, d]."""
        ...


class Reference(Protocol):
    """Statistics of the real images. key: of all that they depend on. count: images."""

    key: str
    count: int

    def save(self, path: str | Path) -> None:
        """Writes an .npz file without pickles, atomically."""
        ...


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One metric, by the name that `metrics: {NAME: {...}}` and `stop` call it.

    description: one line on what it is, without a full stop.
    label: what it is called where its features are Inception's.
    settings: a dataclass of `registries.settings.setting` fields, all with defaults.
    statistics: length d of a feature vector -> empty `Statistics`.
    reference: statistics of all real images, key -> `Reference`; ValueError where they cannot be.
    load: what `Reference.save` wrote; UserError naming the file where it is missing or damaged.
    distance: reference, statistics of generated images, settings -> a number, NaN where one of the
    features is not finite.
    fewest: settings -> images, real or generated, without which there is no distance.
    """

    description: str
    label: str
    statistics: Callable[[int], Statistics]
    reference: Callable[[Any, str], Reference]
    load: Callable[[str | Path], Reference]
    distance: Callable[[Any, Any, Any], float]
    settings: type = NoSettings
    fewest: Callable[[Any], int] = lambda settings: 2


METRICS: Registry[Metric] = Registry(__name__, "METRIC", Metric, first=("fid",))
"""Name in the configuration -> metric; the FID, which every training has, comes first."""
