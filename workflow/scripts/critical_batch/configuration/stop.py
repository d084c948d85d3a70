"""The configuration's keys `metrics` and `stop` of an experiment."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, WithJsonSchema

from ..metrics.kinds import METRICS, Metric
from ..training.job import Stop
from .entry_sections import Schema, settings_keys
from .problems import Problem
from .section import Section, Threshold

if TYPE_CHECKING:
    from .config import Config, ConfigSection

MetricsSection = Annotated[dict[str, dict[str, Any]], WithJsonSchema({"type": "object"})]
"""Metric -> its settings; the registry says which there are."""


class StopSection(Section):
    metric: str = Field(description="The metric that ends a run: fid, or one of metrics")
    at_most: Threshold = Field(description="A run is done at a distance of at most this")

    def for_job(self) -> Stop:
        """As a training job carries it."""
        return Stop(self.metric, self.at_most)


def metrics_for_job(written: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The section `metrics` as a training job carries it, in the order of the registry."""
    return {name: dict(written[name]) for name in METRICS if name in written}


def metrics_schema(entries: Mapping[str, Metric]) -> dict[str, Schema]:
    """Key -> schema of the section `metrics`: every metric but the FID, which is always there."""
    return {
        name: {
            "description": f"{entry.description}; {{}} for its defaults",
            "type": "object",
            "additionalProperties": False,
            "properties": settings_keys(entry),
        }
        for name, entry in entries.items()
        if name != "fid"
    }


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
