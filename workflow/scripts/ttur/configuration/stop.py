"""The configuration's keys `metrics` and `stop` of an experiment."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from ..metrics import METRICS
from ..metrics.kinds.kid import Kid
from ..training.job import Stop
from .problems import Problem
from .section import Section, Threshold, without_default

if TYPE_CHECKING:
    from .config import Config, ConfigSection

MOST_IMAGES = 10_000  # of one subset: as many real images as are kept


class KidSection(Section):
    subsets: int = Field(
        Kid.subsets, ge=1, le=10_000, description="Subsets that the KID is the mean over"
    )
    subset_size: int = Field(
        Kid.subset_size,
        ge=2,
        le=MOST_IMAGES,
        description="Generated images in a subset, and real ones",
    )


class MetricsSection(Section):
    """A key for every metric of the registry but the FID."""

    kid: KidSection | SkipJsonSchema[None] = Field(
        None,
        description="The kernel distance (Bińkowski et al. 2018), unbiased; {} for its defaults",
        json_schema_extra=without_default,
    )

    def for_job(self) -> dict[str, dict[str, Any]]:
        """As a training job carries them: metric -> settings, in the order of the registry."""
        written = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: written[name].model_dump() for name in METRICS if written.get(name)}


class StopSection(Section):
    metric: Literal["fid", "kid"] = Field(
        description="The metric that ends a run: fid, or one of metrics"
    )
    at_most: Threshold = Field(description="A run is done at a distance of at most this")

    def for_job(self) -> Stop:
        """As a training job carries it."""
        return Stop(self.metric, self.at_most)


def one_stop(config: "ConfigSection") -> Iterator[Problem]:
    """Asked of what is written, since all else is made of the one or the other."""
    for name, experiment in config.experiments.items():
        path, threshold = ["experiments", name, "stop"], experiment.fid.threshold
        if experiment.stop is None and threshold is None:
            yield path, "is missing: add stop: {metric: fid, at_most: 8}, or fid.threshold: 8"
        elif None not in (experiment.stop, threshold):
            yield path, "says what fid.threshold says too: remove one of the two"


def stop_metric_is_measured(config: "Config") -> Iterator[Problem]:
    for name, experiment in config.experiments.items():
        metric = experiment.stop.metric
        if metric not in ("fid", *experiment.metrics):
            yield (
                ["experiments", name, "stop", "metric"],
                f"is {metric}, which is not measured: add metrics: {{{metric}: {{}}}} beside stop, "
                "or use fid",
            )


def enough_samples_for_metrics(config: "Config") -> Iterator[Problem]:
    for name, experiment in config.experiments.items():
        for metric, settings in experiment.metrics.items():
            entry = METRICS[metric]
            fewest = entry.fewest(entry.settings(**settings))
            for key, section in (
                ("fid", experiment.fid),
                ("fid.first_look", experiment.fid.first_look),
                ("evaluation", experiment.evaluation if metric == experiment.stop.metric else None),
            ):
                if section is not None and section.samples < fewest:
                    yield (
                        ["experiments", name, *key.split("."), "samples"],
                        f"is {section.samples}, less than metrics.{metric} compares at once: use "
                        f"at least {fewest}, or smaller subsets",
                    )
