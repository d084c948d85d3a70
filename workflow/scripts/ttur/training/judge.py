"""What judges a training: the distance of its generators, and what follows for each seed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from .history import HistoryRow, Measures, SeedResult, Status
from .job import TrainingJob
from .scoring import FirstLook, Score, Scoring


@dataclass(frozen=True)
class Judge:
    """Scores generators by the rules of a job and says how their seeds end. Keeps nothing."""

    job: TrainingJob
    scoring: Scoring

    def scores(self, generator: nn.Module, seeds: Sequence[int], step: int) -> list[Score]:
        """The scores of a network's replicas, one per seed, after `step` steps.

        What a run ends with is always scored in full: at the last step there is no first look.
        """
        fid, first = self.job.fid, None
        if fid.first_look is not None and step < self.job.last_step:
            look = fid.first_look
            first = FirstLook(look.samples, look.factor * fid.threshold)
        streams = [(seed, "evaluation", step) for seed in seeds]
        return self.scoring.scores(generator, streams, fid.samples, first)

    def row(self, seed: int, step: int, score: Score, measures: Measures) -> HistoryRow:
        """The row of the history of one evaluation."""
        samples = step * self.job.batch_size
        return HistoryRow(seed, step, samples, score.distance, score.samples, *measures)

    def verdict(self, row: HistoryRow) -> Status | None:
        """How the seed of this evaluation ends with it; None where it goes on.

        A value that is not finite is divergence, whatever the distance.
        """
        if not all(map(math.isfinite, row)):
            return "diverged"
        if row.fid <= self.job.fid.threshold:
            return "reached"
        return "step-limit" if row.step >= self.job.last_step else None

    def result(self, rows: Sequence[HistoryRow], status: Status, seconds: float) -> SeedResult:
        """The record of a seed that ends with the last of its rows.

        rows: all of the seed's, by step. seconds: of the job until now.
        """
        last, reached = rows[-1], status == "reached"
        misses = rows if status == "step-limit" else rows[:-1]
        return SeedResult(
            seed=last.seed,
            status=status,
            steps=last.step if reached else None,
            last_miss=misses[-1].step if misses else None,
            first_hit=last.step if reached else None,
            final_fid=last.fid,
            final_step=last.step,
            seconds=round(seconds, 2),
        )
