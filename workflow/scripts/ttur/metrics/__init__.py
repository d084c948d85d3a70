"""Metrics: how far generated images are from real ones, by the features of both.

A metric goes from features to statistics to a distance. To add one, write a module of `kinds/` with
an entry as below; what needs torch is imported inside its functions, so that the configuration
lists metrics without it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import UserError
from ..feature_settings import FeatureSettings
from .kinds import METRICS

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "METRICS",
    "Distance",
    "Metric",
    "NoSettings",
    "Reference",
    "Statistics",
    "label",
    "load_distances",
]


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


@dataclass(frozen=True)
class NoSettings:
    """Of a metric that has nothing to set."""


@dataclass(frozen=True)
class Metric:
    """One metric; its name is that of its module.

    label: what it is called where its features are Inception's. settings: a frozen dataclass with
    defaults.
    statistics: length d of a feature vector -> empty `Statistics`.
    reference: statistics of all real images, key -> `Reference`; ValueError where they cannot be.
    load: what `Reference.save` wrote; UserError naming the file where it is missing or damaged.
    distance: reference, statistics of generated images, settings -> a number, NaN where one of the
    features is not finite.
    fewest: settings -> images, real or generated, without which there is no distance.
    """

    label: str
    statistics: Callable[[int], Statistics]
    reference: Callable[[Any, str], Reference]
    load: Callable[[str | Path], Reference]
    distance: Callable[[Any, Any, Any], float]
    settings: type = NoSettings
    fewest: Callable[[Any], int] = lambda settings: 2


@dataclass(frozen=True)
class Distance:
    """A metric with its settings, and the real images that it measures from."""

    metric: Metric
    settings: Any
    reference: Reference

    @classmethod
    def of(cls, name: str, settings: Mapping[str, Any], reference: Reference) -> "Distance":
        """The distance by a metric of the registry; settings: by name, the others are defaults."""
        metric = METRICS[name]
        return cls(metric, metric.settings(**settings), reference)

    @property
    def fewest(self) -> int:
        """Images, real or generated, without which there is no distance."""
        return self.metric.fewest(self.settings)

    def statistics(self, dimensions: int) -> Statistics:
        """Empty statistics of features [n, dimensions]."""
        return self.metric.statistics(dimensions)

    def to(self, statistics: Statistics) -> float:
        """The distance to generated images, NaN where one of their features is not finite."""
        return self.metric.distance(self.reference, statistics, self.settings)


def load_distances(
    settings: Mapping[str, Mapping[str, Any]],
    paths: Sequence[str | Path],
    key: str,
    experiment: str,
) -> dict[str, Distance]:
    """The distances to the real images of an experiment, by metric.

    settings: of each metric; paths: of its reference statistics, in that order; key: of all.
    Raises UserError where statistics are missing, damaged, of another key, or of too few images.
    """
    if len(settings) != len(paths):
        raise UserError(f"--reference names {len(paths)} files: name one for each of {[*settings]}")
    distances = {}
    for (name, own), path in zip(settings.items(), paths, strict=True):
        reference = METRICS[name].load(path)
        if reference.key != key:
            raise UserError(
                f"{path} belongs to other data, feature weights or pixel map: delete it and run "
                "again"
            )
        distances[name] = distance = Distance.of(name, own, reference)
        if distance.fewest > reference.count:
            raise UserError(
                f"experiments.{experiment}.metrics.{name} needs {distance.fewest} real images at "
                f"once, above the {reference.count} that there are: use smaller subsets"
            )
    return distances


def label(metric: str, features: FeatureSettings) -> str:
    """A metric with a feature network, on axes and in tables: "classifier-FID" or "FID".

    Without a prefix it is the published one, of Inception; with random weights it says so.
    """
    prefix = "" if features.features == "inception" else f"{features.features}-"
    random = " (random weights)" if features.weights == "random" else ""
    return f"{prefix}{METRICS[metric].label}{random}"
