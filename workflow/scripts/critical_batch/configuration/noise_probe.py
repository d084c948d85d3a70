"""The configuration's key `noise_probe` of an experiment, and what it asks of the measurement."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from ..training.grid import Limits
from .data_files import images_up_to
from .problems import Problem
from .section import Section

if TYPE_CHECKING:
    from .config import Config

NOISE_SHARES = (300, 90, 30)
"""The gradient noise is measured after a run's steps divided by these, unless said otherwise."""


@dataclass(frozen=True)
class NoiseProbe:
    """The short training on which the noise of the gradients is measured.

    steps: increasing, after which it is. batches: per measurement.
    """

    steps: tuple[int, ...]
    batch_size: int
    batches: int


class NoiseProbeSection(Section):
    steps: (
        Annotated[
            tuple[Annotated[int, Field(ge=1)], ...],
            Field(min_length=1, json_schema_extra={"uniqueItems": True}),
        ]
        | None
    ) = Field(
        None,
        description="Steps of the training after which both players are held still and measured "
        "(null for a 300th, a 90th and a 30th of a run's steps)",
    )
    batch_size: int | None = Field(
        None, ge=1, description="Its batch size (null for the middle one of batch_sizes)"
    )
    batches: int = Field(20, ge=2, description="Batches per measurement")

    def resolved(self, batch_sizes: Sequence[int], limits: Limits) -> NoiseProbe:
        """With the steps and the batch size that null stands for in such an experiment."""
        middle = sorted(batch_sizes)[(len(batch_sizes) - 1) // 2]
        batch_size = self.batch_size or middle
        last = limits.last_step(batch_size)
        steps = self.steps or {max(1, last // share) for share in NOISE_SHARES}
        return NoiseProbe(tuple(sorted(steps)), batch_size, self.batches)


def noise_probe_within_limits(config: "Config") -> Iterator[Problem]:
    for name, experiment in config.experiments.items():
        probe, path = experiment.noise_probe, ["experiments", name, "noise_probe"]
        limits, batch_size = experiment.limits, probe.batch_size
        steps = limits.last_step(batch_size)
        if probe.steps[-1] > steps:
            if steps == limits.steps:
                limit = f"limits.steps, {steps}"
            else:
                limit = f"{steps}, limits.samples by its batch size {batch_size}"
            yield (
                [*path, "steps"],
                f"holds {probe.steps[-1]}, after the last step: use at most {limit}",
            )
        images = images_up_to(config.datasets[experiment.dataset], batch_size)
        if batch_size > images:
            yield (
                [*path, "batch_size"],
                f"is {batch_size}, above the {images} images of {experiment.dataset}: "
                f"use at most {images}",
            )
        if batch_size % experiment.micro_batches:
            yield (
                [*path, "batch_size"],
                f"is {batch_size}, which micro_batches, {experiment.micro_batches}, does not "
                "divide: use a multiple of it",
            )
