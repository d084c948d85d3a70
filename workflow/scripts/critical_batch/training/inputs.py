"""The inputs of a training step: everything random or data-dependent that it consumes.

Every draw is a pure function of (seed, stream, counter): nothing has to be saved to resume, and a
replica gets the same inputs whether it trains alone or in a group.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from .. import objectives
from ..data.shape import ImageShape
from ..runtime.streams import generator
from .data import Images, TrainingData
from .job import Recipe


class Latents(NamedTuple):
    """What the generator takes: latents [b, R * latent], N(0, 1), and labels [b, R]."""

    latents: Tensor
    labels: Tensor


class DiscriminatorInputs(NamedTuple):
    """The inputs of one update of the discriminator.

    mix: interpolation weights [b, R], uniform in [0, 1); None without a penalty.
    """

    real: Images
    fake: Latents
    mix: Tensor | None


@dataclass(frozen=True)
class StepInputs:
    """The inputs of one step, for R replicas.

    number: of the step, counted from 0; the moving average begins at one. discriminator: one per
    update. generator: None where it is updated on the samples of the discriminator's last update.
    """

    number: int
    discriminator: tuple[DiscriminatorInputs, ...]
    generator: Latents | None


@dataclass(frozen=True)
class StepPlan:
    """What a step takes: how many updates, whether samples are used twice, whether it penalises."""

    discriminator_steps: int
    latent_reuse: bool
    penalised: bool

    @classmethod
    def of(cls, recipe: Recipe) -> "StepPlan":
        """That of a training."""
        penalised = objectives.build(recipe.objective).penalised
        return cls(recipe.discriminator_steps, recipe.latent_reuse, penalised)


class InputSource(ABC):
    """Where the inputs of steps come from. Draws are counted, each kind of them from 0."""

    def __init__(self, plan: StepPlan):
        self.plan = plan

    def at(self, step: int) -> StepInputs:
        """The inputs of step number `step`, counted from 0."""
        updates, reuse = self.plan.discriminator_steps, self.plan.latent_reuse
        per_step = updates if reuse else updates + 1
        fakes = [self.latents(step * per_step + index) for index in range(per_step)]
        discriminator = tuple(
            DiscriminatorInputs(
                self.real(step * updates + index),
                fakes[index],
                self.mix(step * updates + index) if self.plan.penalised else None,
            )
            for index in range(updates)
        )
        return StepInputs(step, discriminator, None if reuse else fakes[-1])

    @abstractmethod
    def real(self, counter: int) -> Images:
        """The counter-th batch of real images."""

    @abstractmethod
    def latents(self, counter: int) -> Latents:
        """The counter-th latents of generated images."""

    @abstractmethod
    def mix(self, counter: int) -> Tensor:
        """The counter-th interpolation weights [b, R]."""


class _Stream:
    """Draws of shape [b, R * width], generated in blocks of steps because seeding costs time."""

    def __init__(
        self,
        seeds: Sequence[int],
        name: str,
        shape: tuple[int, int],
        draw: Callable[[tuple[int, ...], torch.Generator], Tensor],
        device: torch.device,
    ):
        self._seeds, self._name, self._draw, self._device = seeds, name, draw, device
        self._shape = shape
        # A function of the batch size alone: the number of replicas must not move the blocks.
        self._steps = min(max(4096 // shape[0], 1), 128)
        self._block_index, self._block = -1, torch.empty(0)

    def at(self, counter: int) -> Tensor:
        index, offset = divmod(counter, self._steps)
        if index != self._block_index:
            shape = (self._steps, *self._shape)
            parts = [self._draw(shape, generator(s, self._name, index)) for s in self._seeds]
            self._block = torch.cat(parts, dim=2).to(self._device)
            self._block_index = index
        return self._block[offset]


class TrainingInputs(InputSource):
    """The inputs of training for replicas of these seeds.

    Data order: epoch e of seed s is the permutation of stream (s, order, e); a last short batch is
    dropped, so that b is always b. Raises ValueError where there are fewer images than a batch.
    """

    def __init__(self, data: TrainingData, recipe: Recipe, seeds: Sequence[int]):
        super().__init__(StepPlan.of(recipe))
        self._data = data
        self._seeds, self._batch_size = tuple(seeds), recipe.batch_size
        self._batches_per_epoch = len(data.images) // recipe.batch_size
        if not self._batches_per_epoch:  # `check_fit` says so to users
            raise ValueError(
                f"a batch of {recipe.batch_size} needs more than {len(data.images)} images"
            )
        self._epoch, self._orders = -1, torch.empty(0)

        def normal(shape, random):
            return torch.randn(shape, generator=random)

        def uniform(shape, random):
            return torch.rand(shape, generator=random)

        def stream(name, width, draw):
            shape = (recipe.batch_size, width)
            return _Stream(self._seeds, name, shape, draw, data.images.device)

        self._latents = stream("latent", recipe.latent, normal)
        self._fake_labels = stream("label", 1, data.sample_labels.draw)
        self._mix = stream("penalty", 1, uniform)

    def _indices(self, counter: int) -> Tensor:
        """Image indices [b, R] of the counter-th batch."""
        epoch, position = divmod(counter, self._batches_per_epoch)
        if epoch != self._epoch:
            orders = [
                torch.randperm(len(self._data.images), generator=generator(seed, "order", epoch))
                for seed in self._seeds
            ]
            self._orders = torch.stack(orders, dim=1)
            self._epoch = epoch
        return self._orders[position * self._batch_size : (position + 1) * self._batch_size]

    def real(self, counter: int) -> Images:
        """The counter-th batch of real images."""
        return self._data.batch(self._indices(counter), self._next(counter))

    def _next(self, counter: int) -> Tensor | None:
        """Indices of the batch after this one, for reading ahead; None at the end of an epoch."""
        if self._data.images.resident or (counter + 1) % self._batches_per_epoch == 0:
            return None
        return self._indices(counter + 1).reshape(-1)

    def latents(self, counter: int) -> Latents:
        """The counter-th latents of generated images."""
        return Latents(self._latents.at(counter), self._fake_labels.at(counter))

    def mix(self, counter: int) -> Tensor:
        """The counter-th interpolation weights [b, R]."""
        return self._mix.at(counter)


class EmptyInputs(InputSource):
    """Inputs of the right shapes without data, on the `meta` device."""

    def __init__(self, recipe: Recipe, shape: ImageShape, replicas: int):
        super().__init__(StepPlan.of(recipe))
        self._batch_size, self._latent = recipe.batch_size, recipe.latent
        self._shape, self._replicas = shape, replicas

    def real(self, counter: int) -> Images:
        """Images [b, R * C, H, W] and labels [b, R]."""
        channels = self._replicas * self._shape.channels
        return Images(self._empty(channels, self._shape.size, self._shape.size), self._labels())

    def latents(self, counter: int) -> Latents:
        """Latents [b, R * latent] and labels [b, R]."""
        return Latents(self._empty(self._replicas * self._latent), self._labels())

    def mix(self, counter: int) -> Tensor:
        """Weights [b, R]."""
        return self._empty(self._replicas)

    def _empty(self, *shape: int) -> Tensor:
        return torch.empty(self._batch_size, *shape, device="meta")

    def _labels(self) -> Tensor:
        shape = (self._batch_size, self._replicas)
        return torch.empty(shape, dtype=torch.int64, device="meta")
