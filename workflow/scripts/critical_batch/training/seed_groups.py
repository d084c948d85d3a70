"""The seeds of a job at work: all in one network, or each in a network of its own.

One network of R replicas runs every kernel once instead of R times, which pays where a step is
many small kernels. Where a step is large it saves nothing, and on a CPU its larger maps fall out of
the cache and its grouped convolutions are slower than plain ones (docs/performance.md).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from ..networks.kinds import in_one_network, largest_map
from .inputs import InputSource
from .job import Recipe
from .step import GanPair, Losses, update

# Measured on a CPU, three replicas: up to here one network is up to 2.7 times as fast as three, and
# a fifth slower at worst; from twice as much on it is at most 3 % faster.
MAPS_TOGETHER = 2**19


@dataclass
class SeedGroup:
    """Seeds that train in one network, one replica each, in this order."""

    seeds: list[int]
    pair: GanPair
    source: InputSource

    def keep(self, replicas: Sequence[int], source: Callable[[Sequence[int]], InputSource]) -> None:
        """Cuts all replicas but these (positions in the group) out; source: makes that of seeds."""
        if len(replicas) < len(self.seeds):
            self.seeds = [self.seeds[replica] for replica in replicas]
            self.pair.keep(replicas)
            self.source = source(self.seeds)


def together_or_apart(
    seeds: Sequence[int], recipe: Recipe, image_size: int, device: torch.device
) -> list[list[int]]:
    """The seeds in order, in one group or in one each, as where a network holds one seed.

    A function of the job and of the kind of device alone, so that a resumed run groups as an
    uninterrupted one does. Together where the widest feature maps of a replica hold few numbers,
    and on a GPU, whose small kernels are the costlier ones.
    """
    numbers = largest_map(recipe.networks, image_size) or image_size**2
    maps = recipe.batch_size // recipe.micro_batches * numbers
    together = device.type != "cpu" or maps <= MAPS_TOGETHER
    return in_one_network(recipe.networks, seeds) if together else [[seed] for seed in seeds]


def step_all(groups: Sequence[SeedGroup], step: int) -> Losses:
    """Step number `step` of every group; the losses of all seeds in order."""
    losses = [update(group.pair, group.source.at(step)) for group in groups]
    return Losses(*(torch.cat(each) for each in zip(*losses, strict=True)))
