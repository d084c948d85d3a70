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
from .images import ImageStore
from .memory import available_bytes, ceiling_bytes, shortage, training_bytes
from .scoring import frechet_distances
from .signals import Stopped, StopRequest
from .state import StateFile
from .step import Players, build_players, gradient_norms, train_step
from .world import World

_REPORT_EVERY_SECONDS = 10.0

HISTORY_COLUMNS = (
    "seed",
    "step",
    "samples",
    "fid",
    "generator_loss",
    "discriminator_loss",
    "generator_gradient_norm",
    "discriminator_gradient_norm",
)


@dataclass
class Progress:
    """What a run has so far: all of it is saved and restored.

    step: updates done. running: seeds still in training, in the order of their replicas.
    rows: the history, a list per HISTORY_COLUMNS. results: per finished seed its record.
    generators: per finished seed its generator's tensors. seconds: training time so far.
    pending: per running seed the losses and gradient norms of the last step (the end of a row)
    from that step on until its FID is known, else None.
    """

    running: list[int]
    step: int = 0
    seconds: float = 0.0
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
        self.features, self.reference, self.state_file = features, reference, state_file
        manifest = dataset.manifest
        self.classes = manifest["classes"]
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
        if ceiling_bytes(self.settings, self.image_size, self.channels) <= available:
            return
        needed = training_bytes(self.settings, self.image_size, self.channels, self.classes)
        line = shortage(self.settings, needed, available)
        if line:
            self.say(line)

    def _build(self, seeds: Sequence[int]) -> None:
        self.players: Players = build_players(
            self.settings,
            seeds,
            self.image_size,
            self.channels,
            self.classes,
            self.device,
            self.world,
        )
        self._draw_for(seeds)

    def _draw_for(self, seeds: Sequence[int]) -> None:
        self.draws = Draws(
            self.images,
            self.labels,
            self.classes,
            seeds,
            self.settings["batch_size"],
            self.settings["networks"]["latent"],
        )

    def _restore(self) -> None:
        state, line = self.state_file.load()
        self.say(line)
        if state is not None:
            self.progress = Progress(**state["progress"])
        self._build(self.progress.running or self.settings["seeds"])
        if state is not None and self.progress.running:
            self.players.load_state(state["players"])
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
            self.state_file.save(
                {"progress": dict(vars(self.progress)), "players": self.players.state()}
            )
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
            parameter_count(self.players.generator),
            parameter_count(self.players.discriminator),
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
            discriminator_loss, generator_loss = train_step(self.players, self.draws, progress.step)
            progress.step += 1
        columns = (
            self.world.mean(generator_loss).tolist(),
            self.world.mean(discriminator_loss).tolist(),
            gradient_norms(self.players.generator).tolist(),
            gradient_norms(self.players.discriminator).tolist(),
        )
        progress.pending = [list(row) for row in zip(*columns, strict=True)]
        self._tick()

    def _evaluate(self) -> list[float]:
        """The distance of every running seed; completes the rows that are pending."""
        progress, settings, fid = self.progress, self.settings, self.settings["fid"]
        distances = []
        if self.world.rank == 0:
            # It changes nothing and may take minutes, so a signal breaks it off; the state that is
            # saved then says that it is pending, and the next run does it again.
            with self.stop.at_once():
                distances = frechet_distances(
                    self.players.sampler,
                    settings["networks"]["latent"],
                    self.classes,
                    [(seed, "evaluation", progress.step) for seed in progress.running],
                    fid["samples"],
                    self.features,
                    self.reference,
                    fid["pixel_map"],
                    self.device,
                )
        distances = self.world.from_first(distances)
        samples = progress.step * settings["batch_size"]
        for seed, distance, rest in zip(progress.running, distances, progress.pending, strict=True):
            progress.rows.append([seed, progress.step, samples, distance, *rest])
        progress.pending = None
        self._tick()
        return distances

    def _finish(self, distances: Sequence[float]) -> None:
        """Ends the seeds that reached the threshold, diverged, or ran out of steps; reports."""
        progress = self.progress
        latest = progress.rows[-len(distances) :]
        kept = []
        for replica, (seed, distance) in enumerate(zip(progress.running, distances, strict=True)):
            status = self._status(distance, latest[replica])
            if status is None:
                kept.append(replica)
                continue
            misses = [row[1] for row in progress.rows if row[0] == seed]
            reached = status == "reached"
            if reached or status == "diverged":
                misses = misses[:-1]
            progress.results[seed] = {
                "seed": seed,
                "status": status,
                "steps": progress.step if reached else None,
                "last_miss": misses[-1] if misses else None,
                "first_hit": progress.step if reached else None,
                "final_fid": distance,
                "final_step": progress.step,
                "seconds": round(progress.seconds, 2),
            }
            progress.generators[seed] = replica_state(self.players.sampler, replica)
        if len(kept) < len(progress.running):
            progress.running = [progress.running[replica] for replica in kept]
            if kept:
                self.players.keep(kept)
                self._draw_for(progress.running)
        if time.perf_counter() - self._reported > _REPORT_EVERY_SECONDS or not kept:
            self._report(distances)

    def _status(self, distance: float, row: Sequence[float]) -> str | None:
        if not all(map(math.isfinite, row)):
            return "diverged"
        if distance <= self.settings["fid"]["threshold"]:
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
            f"{self.features.metric} {fids}  running {len(progress.running)}  "
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
