"""The configuration's keys `fid` and `evaluation` of an experiment."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from ..metrics.features.kinds import FEATURE_NETWORKS
from ..training.job import Fid, FirstLook
from .grid import GridSection
from .inception import Inception
from .problems import Problem
from .section import Samples, Section, Threshold, without_default

if TYPE_CHECKING:
    from .config import Config


class FirstLookSection(Section):
    samples: Samples = Field(description="Images of the first look")
    factor: float = Field(
        gt=1, le=1_000_000, description="A first look above factor x the threshold stands"
    )

    def for_job(self) -> FirstLook:
        """As a training job carries it."""
        return FirstLook(self.samples, self.factor)


class FidSection(Section):
    # What these two may be, the feature networks say (features.py).
    features: str = "classifier"
    resize: str | SkipJsonSchema[None] = Field(None, json_schema_extra=without_default)
    samples: Samples = Field(description="Generated images per evaluation")
    threshold: Threshold | SkipJsonSchema[None] = Field(
        None,
        description="Training is done at FID <= threshold: short for stop with the metric fid",
        json_schema_extra=without_default,
    )
    pixel_map: Literal["fixed", "stretch"] = Field(
        "fixed",
        description="From the generator's [-1, 1] to pixels, fixed or stretched image by image "
        "(paper)",
    )
    grid: GridSection = Field(description="The steps at which generators are evaluated")
    first_look: FirstLookSection | None = Field(
        None,
        description="An evaluation of fewer samples comes first, and stands where it is so far "
        "above the threshold that more samples would not reach it (null always takes all samples, "
        "paper)",
    )

    def for_job(self, inception: Inception | None) -> Fid:
        """As a training job carries it: with Inception, also its resize and which weights."""
        kind = FEATURE_NETWORKS[self.features]
        return Fid(
            features=self.features,
            samples=self.samples,
            pixel_map=self.pixel_map,
            grid=self.grid.for_job(),
            first_look=self.first_look and self.first_look.for_job(),
            resize=self.resize or next(iter(kind.resizes), None),
            weights=inception.identity if kind.named_weights and inception else None,
        )


class Evaluation(Section):
    samples: Samples = Field(5000, description="Generated images per evaluation")
    seeds: int = Field(2, ge=1, le=100, description="Evaluations per generator")


def resize_that_the_features_have(config: "Config") -> Iterator[Problem]:
    for name, experiment in config.experiments.items():
        features, resize = experiment.fid.features, experiment.fid.resize
        path, resizes = ["experiments", name, "fid", "resize"], FEATURE_NETWORKS[features].resizes
        if resizes and resize not in resizes:
            yield path, f"is {resize}: with {features} use one of {', '.join(resizes)}"
        elif resize is not None and not resizes:
            yield (
                path,
                f"is {resize}, but the {features} features are not those of "
                "resized images: remove it, or set fid.features to inception",
            )


def enough_samples_for_fid(config: "Config") -> Iterator[Problem]:
    """With no more samples than feature dimensions the sample covariance is singular.

    Not asked of random weights, whose distances mean nothing anyway.
    """
    for name, experiment in config.experiments.items():
        if experiment.fid.weights == "random":
            continue
        dimension = FEATURE_NETWORKS[experiment.fid.features].dimensions
        for key, section in (
            ("fid", experiment.fid),
            ("evaluation", experiment.evaluation),
            ("fid.first_look", experiment.fid.first_look),
        ):
            if section is not None and section.samples <= dimension:
                yield (
                    ["experiments", name, *key.split("."), "samples"],
                    f"is {section.samples}: use more than {dimension}, the dimension of the "
                    f"{experiment.fid.features} features",
                )


def first_look_of_fewer_samples(config: "Config") -> Iterator[Problem]:
    for name, experiment in config.experiments.items():
        first, samples = experiment.fid.first_look, experiment.fid.samples
        if first is not None and first.samples >= samples:
            yield (
                ["experiments", name, "fid", "first_look", "samples"],
                f"is {first.samples}: use fewer than fid.samples, {samples}, or null instead",
            )
