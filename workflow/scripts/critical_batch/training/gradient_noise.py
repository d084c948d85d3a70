"""The noise of both players' gradients, measured while they stand still in a short training.

The stochastic gradient g of a player is what a training step computes from one batch of b images,
generated or real. With G = E g, tr Cov(g) = S / b defines the trace S of the covariance per sample;
S / |G|^2 is the simple noise scale (McCandlish et al. 2018, "An Empirical Model of Large-Batch
Training", equation 2.9). From K independent batches, with m their mean,

    S = b / (K - 1) * sum_k |g_k - m|^2        and        |G|^2 = |m|^2 - S / (K b)

are unbiased. They are that paper's appendix A.1 with batches of b and of K b images.

Where BatchNorm couples the samples of a batch there is no gradient of a single sample: then S is
that of the batch size b at which it was measured, the one that trains, and may differ at another.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..data.packed import PackedDataset
from ..data.shape import ImageShape
from ..networks.build import parameter_count
from ..networks.kinds import in_one_network
from ..networks.replicated import CountedNetwork
from ..runtime.streams import generator
from .data import Images, TrainingData
from .fit import check_fit
from .inputs import InputSource, Latents, StepPlan, TrainingInputs
from .job import Recipe
from .step import GanPair, build_pair, update


class GradientMoments:
    """Sum and sum of squared norms of a player's gradients, per replica."""

    def __init__(self):
        self._sums: list[Tensor] = []
        self._squares: Tensor | float = 0.0
        self._count = 0

    def add(self, gradients: Sequence[Tensor]) -> None:
        """One batch's gradient: a tensor [R, ...] per parameter."""
        if not self._count:
            self._sums = [torch.zeros_like(g, dtype=torch.float64) for g in gradients]
        for total, gradient in zip(self._sums, gradients, strict=True):
            total += gradient
        self._squares = self._squares + _squared_norm(gradients)
        self._count += 1

    def estimates(self, batch_size: int) -> tuple[Tensor, Tensor]:
        """Unbiased trace per sample and squared norm of the mean, each [R]; of >= 2 batches."""
        of_sum = _squared_norm(self._sums)
        trace = batch_size * (self._squares - of_sum / self._count) / (self._count - 1)
        return trace, (of_sum / self._count - trace / batch_size) / self._count


def _squared_norm(tensors: Sequence[Tensor]) -> Tensor:
    return torch.stack([t.double().reshape(len(t), -1).square().sum(1) for t in tensors]).sum(0)


class _Still(torch.optim.Optimizer):
    """Takes no step: what is left of a training step is its gradients."""

    def __init__(self, parameters):
        super().__init__(parameters, {})

    def step(self, closure=None) -> None:
        pass


class IndependentInputs(InputSource):
    """Batches drawn apart from each other and from training's; one discriminator update a step.

    Images come with replacement, so that batches are independent. All from the stream `noise`;
    stage: the training step at which the players stand still.
    """

    def __init__(self, data: TrainingData, recipe: Recipe, seeds: Sequence[int], stage: int):
        super().__init__(replace(StepPlan.of(recipe), discriminator_steps=1))
        self._data, self._seeds, self._stage = data, tuple(seeds), stage
        self._batch_size, self._latent = recipe.batch_size, recipe.latent

    def _drawn(self, purpose: int, counter: int, draw) -> Tensor:
        """Draws [b, R * width], `draw` giving one replica's [b, width]."""
        parts = [draw(generator(s, "noise", self._stage, purpose, counter)) for s in self._seeds]
        return torch.cat(parts, dim=1)

    def real(self, counter: int) -> Images:
        """A batch of real images."""
        count, shape = len(self._data.images), (self._batch_size, 1)
        indices = self._drawn(
            0, counter, lambda random: torch.randint(count, shape, generator=random)
        )
        return self._data.batch(indices)

    def latents(self, counter: int) -> Latents:
        """Latents of generated images."""
        shape, one = (self._batch_size, self._latent), (self._batch_size, 1)
        latents = self._drawn(1, counter, lambda random: torch.randn(shape, generator=random))
        draw, device = self._data.sample_labels.draw, self._data.images.device
        labels = self._drawn(2, counter, lambda random: draw(one, random))
        return Latents(latents.to(device), labels.to(device))

    def mix(self, counter: int) -> Tensor:
        """Interpolation weights [b, R]."""
        shape = (self._batch_size, 1)
        drawn = self._drawn(3, counter, lambda random: torch.rand(shape, generator=random))
        return drawn.to(self._data.images.device)


def gradient_noise(
    pair: GanPair, source: InputSource, batches: int, batch_size: int
) -> dict[str, tuple[Tensor, Tensor]]:
    """Per player the unbiased (trace per sample, squared norm of the mean), each [R].

    Both players' gradients come from `update` with optimizers that do not move, so the generator's
    is taken at the same discriminator. source: independent batches of batch_size, one discriminator
    update a step; batches: how many, at least 2. The players' weights, optimizers and buffers
    (BatchNorm's, spectral norm's) are left as they were.
    """
    networks = {"generator": pair.generator, "discriminator": pair.discriminator}
    still = replace(
        pair,
        generator_optimizer=_Still(pair.generator.parameters()),
        discriminator_optimizer=_Still(pair.discriminator.parameters()),
        average=None,
    )
    buffers = {name: copy.deepcopy(dict(n.named_buffers())) for name, n in networks.items()}
    # Restored at the end alone: no batch draws what another has drawn.
    called = {n: n.get_extra_state() for n in networks.values() if isinstance(n, CountedNetwork)}
    moments = {name: GradientMoments() for name in networks}
    for batch in range(batches):
        update(still, source.at(batch))
        for name, network in networks.items():
            moments[name].add([p.grad for p in network.parameters() if p.grad is not None])
            _restore(network, buffers[name])
    for network, calls in called.items():
        network.set_extra_state(calls)
    return {name: each.estimates(batch_size) for name, each in moments.items()}


@torch.no_grad()
def _restore(network: nn.Module, buffers: Mapping[str, Tensor]) -> None:
    for name, buffer in network.named_buffers():
        buffer.copy_(buffers[name])


@dataclass(frozen=True)
class ProbePlan:
    """When and how finely to measure: steps increasing, batches of the training's batch size."""

    steps: tuple[int, ...]
    batches: int


def probe(
    recipe: Recipe, dataset: PackedDataset, plan: ProbePlan, device: torch.device
) -> Iterator[dict[str, Any]]:
    """Trains the seeds of one recipe for a while and yields rows of the table `GRADIENT_NOISE`.

    It trains as a job of that recipe would, in one process. Rows of a replica whose gradients are
    not finite have None as numbers. UserError where the data set has fewer images than a batch.
    """
    check_fit(recipe, dataset.manifest, "noise_probe.batch_size")
    data = TrainingData.of(dataset, recipe.labels, device)
    for seeds in in_one_network(recipe.networks, recipe.seeds):
        yield from _rows(replace(recipe, seeds=tuple(seeds)), dataset, data, plan)


def _rows(
    recipe: Recipe, dataset: PackedDataset, data: TrainingData, plan: ProbePlan
) -> Iterator[dict[str, Any]]:
    """The rows of seeds that share a network."""
    shape, seeds = ImageShape.of(dataset.manifest), recipe.seeds
    pair = build_pair(recipe, seeds, shape, device=data.images.device)
    source = TrainingInputs(data, recipe, seeds)
    sizes = {
        "generator": parameter_count(pair.generator),
        "discriminator": parameter_count(pair.discriminator),
    }
    done = 0
    for stage in plan.steps:
        for step in range(done, stage):
            update(pair, source.at(step))
        done = stage
        independent = IndependentInputs(data, recipe, seeds, stage)
        measured = gradient_noise(pair, independent, plan.batches, recipe.batch_size)
        for player, (traces, squared_norms) in measured.items():
            for seed, trace, squared_norm in zip(
                seeds, traces.tolist(), squared_norms.tolist(), strict=True
            ):
                finite = np.isfinite(trace) and np.isfinite(squared_norm)
                yield {
                    "experiment": recipe.experiment,
                    "optimizer": recipe.optimizer,
                    "batch_size": recipe.batch_size,
                    "step": stage,
                    "seed": seed,
                    "player": player,
                    "trace": trace if finite else None,
                    "squared_norm": squared_norm if finite else None,
                    "noise_scale": trace / squared_norm if finite and squared_norm > 0 else None,
                    "parameters": sizes[player],
                    "images": dataset.manifest["images"],
                }
