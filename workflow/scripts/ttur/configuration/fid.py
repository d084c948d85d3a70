"""The configuration's keys `fid` and `evaluation` of an experiment."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from ..few_images import FEATURE_DIMENSIONS
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
    features: Literal["classifier", "inception"] = Field(
        "classifier",
        description="The network whose features are compared, one trained on the data set's "
        "labels or Inception (paper; its distance is the FID)",
    )
    resize: Literal["pytorch_fid", "clean", "tensorflow"] | SkipJsonSchema[None] = Field(
        None,
        description="How Inception's input is resized and scaled, as pytorch-fid (default), "
        "clean-fid (paper) or TensorFlow do",
        json_schema_extra=without_default,
    )
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
        is_inception = self.features == "inception"
        return Fid(
            features=self.features,
            samples=self.samples,
            pixel_map=self.pixel_map,
            grid=self.grid.for_job(),
            first_look=self.first_look and self.first_look.for_job(),
            resize=self.resize or ("pytorch_fid" if is_inception else None),
            weights=inception.identity if is_inception and inception else None,
        )


class Evaluation(Section):
    samples: Samples = Field(5000, description="Generated images per evaluation")
    seeds: int = Field(2, ge=1, le=100, description="Evaluations per generator")


def resize_only_for_inception(config: "Config") -> Iterator[Problem]:
    for name, experiment in config.experiments.items():
        features, resize = experiment.fid.features, experiment.fid.resize
        if features != "inception" and resize is not None:
            yield (
                ["experiments", name, "fid", "resize"],
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
        dimension = FEATURE_DIMENSIONS[experiment.fid.features]
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
