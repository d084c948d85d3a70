"""The training loop of one job: train a group of seeds, look at the FID, stop at the threshold."""

import math
import time
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..data.packed import PackedDataset
from ..features import FeatureNetwork
from ..frechet import Reference
from ..networks import parameter_count
from ..networks.replicated import replica_state
from .draws import Draws
from .grid import evaluation_steps, step_limit
from .groups import Group, grouped, step_all
from .images import ImageStore
from .labels import SampleLabels
from .memory import available_bytes, ceiling_bytes, shortage, training_bytes
from .scoring import FirstLook, Score, Scoring
from .signals import Stopped, StopRequest
from .state import StateFile
from .step import build_players, gradient_norms
from .world import World

_REPORT_EVERY_SECONDS = 10.0

HISTORY_COLUMNS = (
    "seed",
    "step",
    "samples",
    "fid",
    "scored",
    "generator_loss",
    "discriminator_loss",
    "generator_gradient_norm",
    "discriminator_gradient_norm",
)
_FID = HISTORY_COLUMNS.index("fid")


@dataclass
class Progress:
    """What a run has so far: all of it is saved and restored.

    step: updates done. running: seeds still in training, in the order of their replicas.
    rows: the history, a list per HISTORY_COLUMNS. results: per finished seed its record.
    generators: per finished seed its generator's tensors. seconds: training time so far, of which
    evaluation_seconds went into the FID.
    pending: per running seed the losses and gradient norms of the last step (the end of a row)
    from that step on until its FID is known, else None.
    """

    running: list[int]
    step: int = 0
    seconds: float = 0.0
    evaluation_seconds: float = 0.0
    rows: list[list[float]] = field(default_factory=list)
    results: dict[int, dict[str, Any]] = field(default_factory=dict)
    generators: dict[int, dict[str, Tensor]] = field(default_factory=dict)
    pending: list[list[float]] | None = None


@dataclass(frozen=True)
class Outcome:
    """A finished job: its progress and the sizes of its networks."""

    progress: Progress
    generator_parameters: int
    discriminator_parameters: int


class _Job:
    """One job at work; `train` below is its only user."""

    def __init__(
        self,
        settings: Mapping[str, Any],
        dataset: PackedDataset,
        features: FeatureNetwork,
        reference: Reference,
        state_file: StateFile,
        device: torch.device,
        world: World,
        save_every: float,
        say: Callable[[str], None],
        stop: StopRequest,
        watch: Callable[[Progress, int], None],
    ):
        self.world, self.stop = world, stop
        self.save_every, self.watch = save_every, watch
        self.settings, self.device, self.say = settings, device, say
        self.state_file = state_file
        manifest = dataset.manifest
        self.classes = manifest["classes"]
        self.sample_labels = SampleLabels.of(settings["labels"], dataset.labels, self.classes)
        self.scoring = Scoring(
            features,
            reference,
            settings["fid"]["pixel_map"],
            settings["networks"]["latent"],
            self.sample_labels,
            device,
        )
        self.image_size, self.channels = manifest["height"], manifest["channels"]
        self.images = ImageStore(dataset.images, device)
        self.labels = torch.from_numpy(np.array(dataset.labels)).to(device)
        self.limit = step_limit(settings["limits"], settings["batch_size"])
        self.grid = evaluation_steps(settings["fid"]["grid"], self.limit)
        self.progress = Progress(running=list(settings["seeds"]))
        self._warn_of_shortage()
        self._restore()

    def _warn_of_shortage(self) -> None:
        """Says before training starts that the batch will not fit, where it will not."""
        available = available_bytes(self.device)
        ceiling = ceiling_bytes(self.settings, self.image_size, self.channels)
        if ceiling is not None and ceiling <= available:
            return
        shape = (self.image_size, self.channels, self.classes)
        try:
            needed = training_bytes(self.settings, *shape, self.device)
        except (RuntimeError, TypeError, ValueError) as error:  # networks that look at their data
            reason = " ".join(str(error).split())[:200]
            self.say(f"memory is not estimated, the networks do not run without data ({reason})")
            return
        line = shortage(self.settings, needed, available)
        if line:
            self.say(line)

    def _group(self, seeds: list[int]) -> Group:
        players = build_players(
            self.settings,
            seeds,
            self.image_size,
            self.channels,
            self.classes,
            self.device,
            self.world,
        )
        return Group(seeds, players, self._draws(seeds))

    def _draws(self, seeds: Sequence[int]) -> Draws:
        return Draws(
            self.images,
            self.labels,
            self.sample_labels,
            seeds,
            self.settings["batch_size"],
            self.settings["networks"]["latent"],
        )

    def _restore(self) -> None:
        state, line = self.state_file.load()
        self.say(line)
        if state is not None:
            self.progress = Progress(**state["progress"])
        # No state is saved when none is left.
        running = self.progress.running
        self.groups = [
            self._group(part)
            for part in grouped(running, self.settings, self.image_size, self.device)
        ]
        if state is not None:
            for group, saved in zip(self.groups, state["players"], strict=True):
                group.players.load_state(saved)
        # Before the first process may save anew, all have read the same.
        self.world.agree(self.progress.step)

    def save(self) -> bool:
        """Writes the resume state, which is the same in all processes; whether it succeeded.

        Losing a save is not losing the run, so a full disk does not end it.
        """
        self._saved = time.perf_counter()
        if self.world.rank > 0:
            return True
        self.watch(self.progress, self.limit)
        try:
            players = [group.players.state() for group in self.groups]
            self.state_file.save({"progress": dict(vars(self.progress)), "players": players})
        except OSError as error:
            self.say(f"{self.state_file.path} is not saved ({error.strerror}): training goes on")
            return False
        return True

    def run(self) -> Outcome:
        """Trains until every seed has ended; saves its state now and then, and on a signal."""
        progress = self.progress
        self._saved = self._reported = now = time.perf_counter()
        self._started = now - progress.seconds
        self.stop.defer()
        self.watch(progress, self.limit)
        try:
            while progress.running:
                if progress.pending is None:
                    self._advance()
                self._finish(self._evaluate())
                self.watch(progress, self.limit)
        except Stopped as stopped:
            if self.save():
                self.say(f"{stopped}: state saved at step {progress.step}, the next run continues")
            raise
        return Outcome(
            progress,
            parameter_count(self.groups[0].players.generator),
            parameter_count(self.groups[0].players.discriminator),
        )

    def _tick(self) -> None:
        self.progress.seconds = time.perf_counter() - self._started

    def _advance(self) -> None:
        """Steps to the next evaluation, which is pending then."""
        progress = self.progress
        target = self.grid[bisect_right(self.grid, progress.step)]
        while progress.step < target:
            self._tick()
            self.stop.check()
            if time.perf_counter() - self._saved > self.save_every:
                self.save()
            discriminator_loss, generator_loss = step_all(self.groups, progress.step)
            progress.step += 1
        players = [group.players for group in self.groups]
        columns = (
            self.world.mean(generator_loss),
            self.world.mean(discriminator_loss),
            torch.cat([gradient_norms(each.generator) for each in players]),
            torch.cat([gradient_norms(each.discriminator) for each in players]),
        )
        progress.pending = torch.stack(columns, dim=1).tolist()
        self._tick()

    def _evaluate(self) -> list[float]:
        """The distance of every running seed; completes the rows that are pending."""
        progress, began = self.progress, time.perf_counter()
        scores: list[Score] = []
        if self.world.rank == 0:
            # It changes nothing and may take minutes, so a signal breaks it off; the state that is
            # saved then says that it is pending, and the next run does it again.
            with self.stop.at_once():
                scores = [score for group in self.groups for score in self._scores(group)]
        scores = self.world.from_first(scores)
        samples = progress.step * self.settings["batch_size"]
        for seed, score, rest in zip(progress.running, scores, progress.pending, strict=True):
            progress.rows.append([seed, progress.step, samples, *score, *rest])
        progress.pending = None
        progress.evaluation_seconds += time.perf_counter() - began
        self._tick()
        return [score.distance for score in scores]

    def _scores(self, group: Group) -> list[Score]:
        """The scores of a group's generators at the present step.

        What a run ends with is always scored in full: at the last step there is no first look.
        """
        step, fid = self.progress.step, self.settings["fid"]
        streams = [(seed, "evaluation", step) for seed in group.seeds]
        first, plan = None, fid["first_look"]
        if plan is not None and step < self.limit:
            first = FirstLook(plan["samples"], plan["factor"] * fid["threshold"])
        return self.scoring.scores(group.players.sampler, streams, fid["samples"], first)

    def _finish(self, distances: Sequence[float]) -> None:
        """Ends the seeds that reached the threshold, diverged, or ran out of steps; reports."""
        progress = self.progress
        rows = {row[0]: row for row in progress.rows[-len(distances) :]}
        still = []
        for group in self.groups:
            kept = []
            for replica, seed in enumerate(group.seeds):
                status = self._status(rows[seed])
                if status is None:
                    kept.append(replica)
                    continue
                self._end(seed, status, rows[seed])
                progress.generators[seed] = replica_state(group.players.sampler, replica)
            if kept:
                group.keep(kept, self._draws)
                still.append(group)
        progress.running = [seed for group in still for seed in group.seeds]
        self.groups = still or self.groups
        if time.perf_counter() - self._reported > _REPORT_EVERY_SECONDS or not still:
            self._report(distances)

    def _end(self, seed: int, status: str, row: Sequence[float]) -> None:
        """Records how a seed ended, with the last row of its history."""
        progress, reached = self.progress, status == "reached"
        misses = [row[1] for row in progress.rows if row[0] == seed]
        if reached or status == "diverged":
            misses = misses[:-1]
        progress.results[seed] = {
            "seed": seed,
            "status": status,
            "steps": progress.step if reached else None,
            "last_miss": misses[-1] if misses else None,
            "first_hit": progress.step if reached else None,
            "final_fid": row[_FID],
            "final_step": progress.step,
            "seconds": round(progress.seconds, 2),
        }

    def _status(self, row: Sequence[float]) -> str | None:
        if not all(map(math.isfinite, row)):
            return "diverged"
        if row[_FID] <= self.settings["fid"]["threshold"]:
            return "reached"
        return "step-limit" if self.progress.step >= self.limit else None

    def _report(self, distances: Sequence[float]) -> None:
        progress = self.progress
        self._reported = time.perf_counter()
        fids = " ".join(f"{distance:.1f}" for distance in distances)
        rate = progress.step / max(progress.seconds, 1e-9)
        left = (self.limit - progress.step) / rate if progress.running else 0.0
        self.say(
            f"step {progress.step}/{self.limit}  {rate:.1f} steps/s  "
            f"{self.scoring.features.metric} {fids}  running {len(progress.running)}  "
            f"at most {left / 60:.1f} min left"
        )


def train(
    settings: Mapping[str, Any],
    dataset: PackedDataset,
    features: FeatureNetwork,
    reference: Reference,
    state_file: StateFile,
    device: torch.device,
    save_every: float,
    say: Callable[[str], None],
    world: World | None = None,
    stop: StopRequest | None = None,
    watch: Callable[[Progress, int], None] = lambda progress, limit: None,
) -> Outcome:
    """Runs one training job to its end, from its saved state where there is one.

    settings: the job's slice of the configuration (experiment, optimizer, rates, networks, ...).
    save_every: seconds between two saves of the resume state.
    say: takes one line of progress at a time.
    world: the processes that share the job; all of them run this function, and only the first
    evaluates and saves.
    stop: signals that ask the job to end; raises Stopped then, with its state saved.
    watch: takes the progress and the step limit at the start, at saves and at evaluations.

    A seed ends `reached` at the first evaluation at or below the threshold, `diverged` at the
    first evaluation with a value that is not finite, `step-limit` otherwise. The caller removes
    the state once it has written the outputs.
    """
    return _Job(
        settings,
        dataset,
        features,
        reference,
        state_file,
        device,
        world or World(),
        save_every,
        say,
        stop or StopRequest(),
        watch,
    ).run()
