"""Metrics: how far generated images are from real ones, by the features of both.

`kinds/` has the metrics there are. Here they meet the settings and the real images of a job.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..registries.chosen import with_settings
from ..runtime.errors import UserError
from .features.kinds import FEATURE_NETWORKS
from .features.settings import FeatureSettings
from .kinds import METRICS, Metric, Reference, Statistics

__all__ = ["METRICS", "Distance", "Metric", "Reference", "Statistics", "label", "load_distances"]


@dataclass(frozen=True)
class Distance:
    """A metric with its settings, and the real images that it measures from."""

    metric: Metric
    settings: Any
    reference: Reference

    @classmethod
    def of(cls, name: str, settings: Mapping[str, Any], reference: Reference) -> "Distance":
        """The distance by a metric of the registry; settings: by name, the others are defaults."""
        choice = with_settings(METRICS, name, settings, f"job: metrics.{name}")
        return cls(choice.entry, choice.settings, reference)

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
    prefix = FEATURE_NETWORKS[features.features].prefix
    random = " (random weights)" if features.weights == "random" else ""
    return f"{prefix}{METRICS[metric].label}{random}"
