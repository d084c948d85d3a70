"""The configuration's key `fid.grid` of an experiment: a model for each kind."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from ..training.grid import LinearGrid, LogGrid
from .problems import Problem
from .section import Section, Step, by_kind

if TYPE_CHECKING:
    from .config import Config

MOST_EVALUATIONS = 100_000  # of one seed


class LogGridSection(Section):
    kind: Literal["log"] = Field(
        description="Each evaluation is a factor later than the one before"
    )
    first: Step = Field(description="Step of the first evaluation")
    factor: float = Field(gt=1, le=1000, description="Quotient of successive steps")

    def for_job(self) -> LogGrid:
        """As a training job carries it."""
        return LogGrid(self.first, self.factor)


class LinearGridSection(Section):
    kind: Literal["linear"] = Field(description="Evaluations are equally far apart")
    every: Step = Field(description="Steps between evaluations (paper 10000)")

    def for_job(self) -> LinearGrid:
        """As a training job carries it."""
        return LinearGrid(self.every)


GridSection = Annotated[LogGridSection | LinearGridSection, by_kind("The spacing of evaluations")]


def evaluations_within_limits(config: "Config") -> Iterator[Problem]:
    for name, experiment in config.experiments.items():
        grid, steps = experiment.fid.grid, experiment.limits.steps
        key = "first" if isinstance(grid, LogGrid) else "every"
        if getattr(grid, key) > steps:
            yield (
                ["experiments", name, "fid", "grid", key],
                f"is {getattr(grid, key)}, after the last step: use at most limits.steps, {steps}",
            )


def evaluations_few_enough(config: "Config") -> Iterator[Problem]:
    for name, experiment in config.experiments.items():
        grid, steps = experiment.fid.grid, experiment.limits.steps
        count = grid.most(steps)
        if count > MOST_EVALUATIONS:
            key = "factor" if isinstance(grid, LogGrid) else "every"
            yield (
                ["experiments", name, "fid", "grid", key],
                f"is {getattr(grid, key)}, about {count} evaluations in {steps} steps: use a "
                f"larger one, for at most {MOST_EVALUATIONS}",
            )
