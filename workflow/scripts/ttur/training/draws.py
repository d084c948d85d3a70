"""Everything random or data-dependent that a training step consumes.

Each draw is a pure function of (seed, stream, counter): nothing has to be saved to resume, and a
replica sees the same draws whether it trains alone or in a group.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ..streams import generator
from .images import ImageStore
from .labels import SampleLabels


class _Stream:
    """Draws of shape [b, R * width], generated in blocks of steps because seeding costs time."""

    def __init__(
        self,
        seeds: Sequence[int],
        name: str,
        batch_size: int,
        width: int,
        draw: Callable[[tuple[int, ...], torch.Generator], Tensor],
        device: torch.device,
    ):
        self._seeds, self._name, self._draw, self._device = seeds, name, draw, device
        self._shape = (batch_size, width)
        # A function of the batch size alone: the number of replicas must not move the blocks.
        self._steps = min(max(4096 // batch_size, 1), 128)
        self._block_index, self._block = -1, torch.empty(0)

    def at(self, counter: int) -> Tensor:
        index, offset = divmod(counter, self._steps)
        if index != self._block_index:
            shape = (self._steps, *self._shape)
            parts = [self._draw(shape, generator(s, self._name, index)) for s in self._seeds]
            self._block = torch.cat(parts, dim=2).to(self._device)
            self._block_index = index
        return self._block[offset]


class Draws:
    """The draws of a group of replicas (one per seed) at a fixed batch size.

    images: N of them, N >= batch_size; labels: int64 [N] on the images' device. sample_labels: the
    classes of generated images.
    Data order: epoch e of seed s is the permutation of stream (s, order, e); a last short batch is
    dropped, so that b is always b.
    """

    def __init__(
        self,
        images: ImageStore,
        labels: Tensor,
        sample_labels: SampleLabels,
        seeds: Sequence[int],
        batch_size: int,
        latent: int,
    ):
        self._images, self._labels = images, labels
        self._seeds, self._batch_size = tuple(seeds), batch_size
        self._batches_per_epoch = len(images) // batch_size
        if not self._batches_per_epoch:  # `check_fit` says so to users
            raise ValueError(f"a batch of {batch_size} needs more than {len(images)} images")
        self._epoch, self._orders = -1, torch.empty(0)

        def normal(shape, random):
            return torch.randn(shape, generator=random)

        def uniform(shape, random):
            return torch.rand(shape, generator=random)

        def stream(name, width, draw):
            return _Stream(self._seeds, name, batch_size, width, draw, images.device)

        self._latents = stream("latent", latent, normal)
        self._fake_labels = stream("label", 1, sample_labels.draw)
        self._mix = stream("penalty", 1, uniform)

    def _indices(self, counter: int) -> Tensor:
        """Image indices [b, R] of the counter-th batch."""
        epoch, position = divmod(counter, self._batches_per_epoch)
        if epoch != self._epoch:
            orders = [
                torch.randperm(len(self._images), generator=generator(seed, "order", epoch))
                for seed in self._seeds
            ]
            self._orders = torch.stack(orders, dim=1)
            self._epoch = epoch
        return self._orders[position * self._batch_size : (position + 1) * self._batch_size]

    def real(self, counter: int) -> tuple[Tensor, Tensor]:
        """The counter-th batch of real images [b, R * C, H, W] in [-1, 1] and labels [b, R]."""
        indices = self._indices(counter)
        flat = indices.reshape(-1)
        pixels = self._images.take(flat, self._next(counter))
        images = pixels.view(len(indices), -1, *pixels.shape[2:]).float().div_(127.5).sub_(1.0)
        return images, self._labels[flat.to(self._labels.device)].view_as(indices)

    def _next(self, counter: int) -> Tensor | None:
        """Indices of the batch after this one, for reading ahead; None at the end of an epoch."""
        if self._images.resident or (counter + 1) % self._batches_per_epoch == 0:
            return None
        return self._indices(counter + 1).reshape(-1)

    def latents(self, counter: int) -> tuple[Tensor, Tensor]:
        """The counter-th latents [b, R * latent], N(0, 1), and their labels [b, R]."""
        return self._latents.at(counter), self._fake_labels.at(counter)

    def mix(self, counter: int) -> Tensor:
        """The counter-th interpolation weights [b, R], uniform in [0, 1)."""
        return self._mix.at(counter)
