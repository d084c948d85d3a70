"""The training loop of one job: train its seeds, evaluate them, stop at the threshold.

Three things take part: what trains (`trainer`), what judges (`judge`), what keeps the journal
(`journal`). The loop says when.
"""

import time
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import chain

import torch

from ..data.packed import PackedDataset
from ..data.shape import ImageShape
from ..metrics import Distance, label
from ..metrics.evaluator import Evaluation, Evaluator
from ..metrics.features.loading import FeatureNetwork
from .data import TrainingData
from .history import HistoryRow, TrainingState
from .job import TrainingJob
from .journal import Journal, OnProgress
from .judge import Judge
from .memory import memory_warning
from .resume_state import StateFile
from .signals import Stopped, StopRequest
from .trainer import Trainer
from .world import World


@dataclass(frozen=True)
class Outcome:
    """A finished job: what it has, and the sizes of its networks."""

    state: TrainingState
    generator_parameters: int
    discriminator_parameters: int


def train(
    job: TrainingJob,
    dataset: PackedDataset,
    features: FeatureNetwork,
    distances: Mapping[str, Distance],
    *,
    state_file: StateFile,
    device: torch.device,
    save_every: float,
    log_line: Callable[[str], None],
    world: World | None = None,
    stop: StopRequest | None = None,
    on_progress: OnProgress = lambda state, last_step: None,
) -> Outcome:
    """Runs one training job to its end, from its saved state where there is one.

    distances: of every metric of the job, in the job's order.
    save_every: seconds between two saves of the resume state.
    log_line: takes one line of progress at a time.
    world: the processes that share the job; all of them run this function, and only the first
    evaluates and saves.
    stop: signals that ask the job to end; raises Stopped then, with its state saved.
    on_progress: takes the state and the last step at the start, at saves and at evaluations.

    A seed ends `reached` at the first evaluation at or below the threshold, `diverged` at the
    first evaluation with a value that is not finite, `step-limit` otherwise. The caller removes
    the saved state once it has written the outputs. Raises what PyTorch raises where memory runs
    out (`memory.out_of_memory` has the words for it).
    """
    world, shape = world or World(), ImageShape.of(dataset.manifest)
    data = TrainingData.of(dataset, job.labels, device)
    evaluator = Evaluator(
        features, distances, job.fid.pixel_map, job.latent, data.sample_labels, device
    )
    warning = memory_warning(job, shape, device)
    if warning:
        log_line(warning)
    loop = _Loop(
        job,
        Trainer(job, data, shape, device=device, world=world),
        Judge(job, evaluator),
        Journal(state_file, log_line=log_line, on_progress=on_progress, save_every=save_every),
        world=world,
        stop=stop or StopRequest(),
    )
    loop.restore()
    return loop.run()


class _Loop:
    """One job at work; `train` is its only user."""

    def __init__(
        self,
        job: TrainingJob,
        trainer: Trainer,
        judge: Judge,
        journal: Journal,
        *,
        world: World,
        stop: StopRequest,
    ):
        self.job, self.trainer, self.judge, self.journal = job, trainer, judge, journal
        self.world, self.stop = world, stop
        self.state = TrainingState(running=list(job.seeds))
        self._grid, self._began = job.evaluation_steps, 0.0

    def restore(self) -> None:
        """Networks as they were saved, or fresh ones."""
        saved = self.journal.restore()
        if saved is not None:
            self.state = TrainingState.from_plain(saved["progress"])
        # No state is saved when none is left.
        self.trainer.start(self.state.running, saved and saved["players"])
        # Before the first process may save anew, all have read the same.
        self.world.agree(self.state.step)

    def run(self) -> Outcome:
        """Trains until every seed has ended; saves its state now and then, and on a signal."""
        state, journal = self.state, self.journal
        journal.begin()
        self._began = time.perf_counter() - state.seconds
        self.stop.defer()
        journal.show(state, self.job.last_step)
        try:
            while state.running:
                if state.pending is None:
                    self._advance()
                self._finish(self._evaluate())
                journal.show(state, self.job.last_step)
        except Stopped as stopped:
            if self._save():
                journal.log_line(
                    f"{stopped}: state saved at step {state.step}, the next run continues"
                )
            raise
        return Outcome(state, *self.trainer.parameter_counts())

    def _tick(self) -> None:
        self.state.seconds = time.perf_counter() - self._began

    def _save(self) -> bool:
        """The first process saves, as the state is the same in all; whether it succeeded."""
        if self.world.rank > 0:
            self.journal.postpone_save()
            return True
        self.journal.show(self.state, self.job.last_step)
        return self.journal.save(self.state, self.trainer.state())

    def _advance(self) -> None:
        """Steps to the next evaluation, which is pending then."""
        state = self.state
        target = self._grid[bisect_right(self._grid, state.step)]
        while state.step < target:
            self._tick()
            self.stop.check()
            if self.journal.is_time_to_save():
                self._save()
            self.trainer.step(state.step)
            state.step += 1
        state.pending = self.trainer.measures()
        self._tick()

    def _evaluate(self) -> list[list[HistoryRow]]:
        """The rows of every running seed, which are added to the history; none is pending then."""
        state, began = self.state, time.perf_counter()
        found: list[Evaluation] = []
        if self.world.rank == 0:
            # It changes nothing and may take minutes, so a signal breaks it off; the state that is
            # saved then says that it is pending, and the next run does it again.
            with self.stop.at_once():
                for seeds, generator in self.trainer.candidates():
                    found += self.judge.evaluations(generator, seeds, state.step)
        found = self.world.from_first(found)
        rows = [
            self.judge.rows(seed, state.step, evaluation, measures)
            for seed, evaluation, measures in zip(state.running, found, state.pending, strict=True)
        ]
        state.rows += chain.from_iterable(rows)
        state.pending = None
        state.evaluation_seconds += time.perf_counter() - began
        self._tick()
        return rows

    def _finish(self, evaluated: list[list[HistoryRow]]) -> None:
        """Ends the seeds whose last evaluation says so, and reports."""
        state = self.state
        for rows in evaluated:
            status, seed = self.judge.verdict(rows), rows[0].seed
            if status is not None:
                rows = [each for each in state.rows if each.seed == seed]
                state.results[seed] = self.judge.result(rows, status, state.seconds)
        state.generators |= self.trainer.finish(state.results.keys() - state.generators.keys())
        state.running = [seed for seed in state.running if seed not in state.results]
        distances = [row.value for row in self.judge.decisive(chain.from_iterable(evaluated))]
        metric = label(self.job.stop.metric, self.job.fid.network)
        self.journal.report(state, self.job.last_step, metric, distances)
