"""What trains: the networks of a job's seeds, and the steps that move them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ..data.shape import ImageShape
from ..networks.build import parameter_count
from ..networks.replicated import replica_state
from .data import TrainingData
from .history import Measures
from .inputs import TrainingInputs
from .job import TrainingJob
from .seed_groups import SeedGroup, step_all, together_or_apart
from .step import Losses, build_pair, gradient_norms
from .world import World


class Candidates(NamedTuple):
    """A generator to evaluate: the replicas of one network, one per seed in this order."""

    seeds: Sequence[int]
    generator: nn.Module


class Trainer:
    """The running seeds of a job. Their inputs depend on the number of the step alone."""

    def __init__(
        self,
        job: TrainingJob,
        data: TrainingData,
        shape: ImageShape,
        *,
        device: torch.device,
        world: World,
    ):
        self._job, self._data, self._shape = job, data, shape
        self._device, self._world = device, world
        self._groups: list[SeedGroup] = []
        self._losses: Losses | None = None

    def start(self, seeds: Sequence[int], saved: Sequence[Mapping[str, Any]] | None = None) -> None:
        """Fresh networks for these seeds, or as `state` gave them for the same seeds."""
        parts = together_or_apart(seeds, self._job, self._shape.size, self._device)
        self._groups = [self._group(part) for part in parts]
        if saved is not None:
            for group, state in zip(self._groups, saved, strict=True):
                group.pair.load_state(state)

    def _group(self, seeds: list[int]) -> SeedGroup:
        pair = build_pair(self._job, seeds, self._shape, device=self._device, world=self._world)
        return SeedGroup(seeds, pair, self._source(seeds))

    def _source(self, seeds: Sequence[int]) -> TrainingInputs:
        return TrainingInputs(self._data, self._job, seeds)

    def step(self, number: int) -> None:
        """Step number `number`, counted from 0, of every seed."""
        self._losses = step_all(self._groups, number)

    def measures(self) -> list[Measures]:
        """Of the last step, per running seed; losses are those of all processes."""
        pair = [group.pair for group in self._groups]
        columns = (
            self._world.mean(self._losses.generator),
            self._world.mean(self._losses.discriminator),
            torch.cat([gradient_norms(each.generator) for each in pair]),
            torch.cat([gradient_norms(each.discriminator) for each in pair]),
        )
        return [Measures(*row) for row in torch.stack(columns, dim=1).tolist()]

    def candidates(self) -> Iterator[Candidates]:
        """The generators of all running seeds, in their order."""
        for group in self._groups:
            yield Candidates(group.seeds, group.pair.sampler)

    def finish(self, seeds: Collection[int]) -> dict[int, dict[str, Tensor]]:
        """Takes these seeds out of training; the tensors of each one's generator.

        The networks of the last seeds stay, so that their sizes can be asked for.
        """
        generators, still = {}, []
        for group in self._groups:
            kept = []
            for replica, seed in enumerate(group.seeds):
                if seed in seeds:
                    generators[seed] = replica_state(group.pair.sampler, replica)
                else:
                    kept.append(replica)
            if kept:
                group.keep(kept, self._source)
                still.append(group)
        self._groups = still or self._groups
        return generators

    def parameter_counts(self) -> tuple[int, int]:
        """Parameters of one generator and of one discriminator."""
        pair = self._groups[0].pair
        return parameter_count(pair.generator), parameter_count(pair.discriminator)

    def state(self) -> list[dict[str, Any]]:
        """Everything that steps change, to be given to `start`."""
        return [group.pair.state() for group in self._groups]
