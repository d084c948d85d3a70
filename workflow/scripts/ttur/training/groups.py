"""The seeds of a job at work: all in one network, or each in a network of its own.

One network of R replicas runs every kernel once instead of R times, which pays where a step is
many small kernels. Where a step is large it saves nothing, and on a CPU its larger maps fall out of
the cache and its grouped convolutions are slower than plain ones (docs/performance.md).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..network_kinds import largest_map
from .draws import Draws
from .step import Players, train_step

# Measured on a CPU, three replicas: up to here one network is up to 2.7 times as fast as three, and
# a fifth slower at worst; from twice as much on it is at most 3 % faster.
MAPS_TOGETHER = 2**19


@dataclass
class Group:
    """Seeds that train in one network, one replica each, in this order."""

    seeds: list[int]
    players: Players
    draws: Draws

    def keep(self, replicas: Sequence[int], draws: Callable[[Sequence[int]], Draws]) -> None:
        """Cuts all replicas but these (positions in the group) out; draws: makes those of seeds."""
        if len(replicas) < len(self.seeds):
            self.seeds = [self.seeds[replica] for replica in replicas]
            self.players.keep(replicas)
            self.draws = draws(self.seeds)


def grouped(
    seeds: Sequence[int], settings: Mapping[str, Any], image_size: int, device: torch.device
) -> list[list[int]]:
    """The seeds in order, in one group or in one each.

    A function of the job and of the kind of device alone, so that a resumed run groups as an
    uninterrupted one does. settings: a training job's. Together where the widest feature maps of
    a replica hold few numbers, and on a GPU, whose small kernels are the costlier ones.
    """
    numbers = largest_map(settings["networks"], image_size) or image_size**2
    maps = settings["batch_size"] // settings["micro_batches"] * numbers
    together = device.type != "cpu" or maps <= MAPS_TOGETHER
    return [list(seeds)] if together else [[seed] for seed in seeds]


def step_all(groups: Sequence[Group], step: int) -> tuple[Tensor, Tensor]:
    """Step number `step` of every group; the losses of `train_step`, of all seeds in order."""
    losses = [train_step(group.players, group.draws, step) for group in groups]
    discriminator, generator = (torch.cat(each) for each in zip(*losses, strict=True))
    return discriminator, generator
