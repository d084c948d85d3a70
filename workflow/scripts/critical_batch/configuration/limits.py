"""The configuration's key `limits` of an experiment."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import Field

from ..training.grid import Limits
from .problems import Problem
from .section import Section, Step

if TYPE_CHECKING:
    from .config import Config


class LimitsSection(Section):
    steps: Step = Field(description="Most generator steps of a run")
    samples: int | None = Field(
        None,
        ge=1,
        le=1_000_000_000_000_000,
        description="Most training images a run may use (batch size x steps), at least one batch "
        "(null for no limit)",
    )

    def for_job(self) -> Limits:
        """As a training job carries them."""
        return Limits(self.steps, self.samples)


def samples_for_a_step(config: "Config") -> Iterator[Problem]:
    """A run takes at least one step, of a whole batch."""
    for name, experiment in config.experiments.items():
        samples = experiment.limits.samples
        sizes = {b for run in experiment.optimizers.values() for b in run.batch_sizes}
        if samples is not None and samples < max(sizes):
            yield (
                ["experiments", name, "limits", "samples"],
                f"is {samples}, less than one step of batch size {max(sizes)}: use at least "
                f"{max(sizes)}, null for no limit, or smaller batch_sizes",
            )
