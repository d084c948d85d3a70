"""What judges a training: the distances of its generators, and what follows for each seed."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from torch import nn

from ..metrics.evaluator import Evaluation, Evaluator, FirstLook
from .history import HistoryRow, Measures, SeedResult, Status
from .job import TrainingJob


@dataclass(frozen=True)
class Judge:
    """Evaluates generators by the rules of a job and says how their seeds end. Keeps nothing."""

    job: TrainingJob
    evaluator: Evaluator

    def evaluations(
        self, generator: nn.Module, seeds: Sequence[int], step: int
    ) -> list[Evaluation]:
        """Those of a network's replicas, one per seed, after `step` steps.

        What a run ends with is always of all samples: at the last step there is no first look.
        """
        fid, stop, first = self.job.fid, self.job.stop, None
        if fid.first_look is not None and step < self.job.last_step:
            look = fid.first_look
            first = FirstLook(look.samples, stop.metric, look.factor * stop.at_most)
        streams = [(seed, "evaluation", step) for seed in seeds]
        return self.evaluator.evaluate(generator, streams, fid.samples, first)

    def rows(
        self, seed: int, step: int, evaluation: Evaluation, measures: Measures
    ) -> list[HistoryRow]:
        """The rows of the history of one evaluation: its metrics, then the measures."""
        distances = [
            HistoryRow(seed, step, metric, value, evaluation.samples)
            for metric, value in evaluation.values.items()
        ]
        others = measures._asdict().items()
        return distances + [HistoryRow(seed, step, name, value, None) for name, value in others]

    def decisive(self, rows: Iterable[HistoryRow]) -> list[HistoryRow]:
        """Of these rows those of the metric that stops the training."""
        return [row for row in rows if row.metric == self.job.stop.metric]

    def verdict(self, rows: Sequence[HistoryRow]) -> Status | None:
        """How a seed ends with the rows of an evaluation; None where it goes on.

        A value that is not finite is divergence, whatever the distance.
        """
        if not all(math.isfinite(row.value) for row in rows):
            return "diverged"
        (row,) = self.decisive(rows)
        if row.value <= self.job.stop.at_most:
            return "reached"
        return "step-limit" if row.step >= self.job.last_step else None

    def result(self, rows: Sequence[HistoryRow], status: Status, seconds: float) -> SeedResult:
        """The record of a seed that ends with the last of its rows.

        rows: all of the seed's, by step. seconds: of the job until now.
        """
        decisive, reached = self.decisive(rows), status == "reached"
        last, misses = decisive[-1], decisive if status == "step-limit" else decisive[:-1]
        return SeedResult(
            seed=last.seed,
            status=status,
            steps=last.step if reached else None,
            last_miss=misses[-1].step if misses else None,
            first_hit=last.step if reached else None,
            final_value=last.value,
            final_step=last.step,
            seconds=round(seconds, 2),
        )
