"""One step of TTUR training as a function of tensors.

The discriminator's updates come first, then the generator's.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from .. import objectives
from ..data.shape import ImageShape
from ..networks.build import build as build_networks
from ..networks.replicated import RunningNorm, keep_replicas
from ..optimizers import optimizer_of
from ..runtime.errors import UserError
from .average import MovingAverage
from .data import Images
from .inputs import DiscriminatorInputs, Latents, StepInputs
from .job import Recipe
from .world import World


class Losses(NamedTuple):
    """Of one step, each [R] without gradient: means over this process's part of the batch."""

    discriminator: Tensor
    generator: Tensor


@dataclass
class GanPair:
    """Both networks with their optimizers and the rules of the game."""

    generator: nn.Module
    discriminator: nn.Module
    generator_optimizer: torch.optim.Optimizer
    discriminator_optimizer: torch.optim.Optimizer
    objective: objectives.Objective
    micro_batches: int
    average: MovingAverage | None
    autocast: AbstractContextManager
    world: World

    def __post_init__(self) -> None:
        # Walking through the modules at every step costs as much as a small layer.
        self.parameters = {
            network: list(network.parameters()) for network in (self.generator, self.discriminator)
        }

    @property
    def sampler(self) -> nn.Module:
        """The generator that is evaluated: the moving average where there is one."""
        return self.average.network if self.average else self.generator

    def sample(self, latents: Tensor, labels: Tensor) -> Tensor:
        """Images [b, R * C, H, W], out of autocast."""
        with self.autocast:
            return _widened(self.generator(latents, labels))

    def logits(self, images: Tensor, labels: Tensor) -> Tensor:
        """Logits [b, R], out of autocast."""
        with self.autocast:
            return _widened(self.discriminator(images, labels))

    def logits_pair(self, real: Images, fake: Images) -> tuple[Tensor, Tensor]:
        """Logits of two (images, labels), in one pass where the network allows it."""
        if not self.discriminator.joint_batch:
            return self.logits(*real), self.logits(*fake)
        images, labels = (torch.cat(networks) for networks in zip(fake, real, strict=True))
        logits = self.logits(images, labels)
        return logits[len(fake[0]) :], logits[: len(fake[0])]

    def keep(self, kept: Sequence[int]) -> None:
        """Cuts all replicas but `kept` (positions in the group) out of both players."""
        keep_replicas(self.generator, [self.generator_optimizer], kept)
        keep_replicas(self.discriminator, [self.discriminator_optimizer], kept)
        if self.average:
            keep_replicas(self.average.network, [], kept)

    def state(self) -> dict[str, Any]:
        """Everything that a step changes, as tensors and plain values."""
        return {name: part.state_dict() for name, part in self._parts().items()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Restores what `state` gave; the number of replicas must be the same."""
        for name, part in self._parts().items():
            part.load_state_dict(state[name])

    def _parts(self) -> dict[str, Any]:
        parts = {
            "generator": self.generator,
            "discriminator": self.discriminator,
            "generator_optimizer": self.generator_optimizer,
            "discriminator_optimizer": self.discriminator_optimizer,
        }
        return parts | ({"average": self.average.network} if self.average else {})


def build_pair(
    recipe: Recipe,
    seeds: Sequence[int],
    shape: ImageShape,
    *,
    device: torch.device,
    world: World | None = None,
) -> GanPair:
    """A fresh pair with one replica per seed."""
    networks = build_networks(recipe.networks, shape, seeds)
    return assemble(recipe, networks, device=device, world=world)


def assemble(
    recipe: Recipe,
    networks: tuple[nn.Module, nn.Module],
    *,
    device: torch.device,
    world: World | None = None,
) -> GanPair:
    """A pair from a generator and a discriminator: their optimizers and the rules of the game.

    world: the processes that share the training; by default this one alone.
    """
    world, compute = world or World(), recipe.compute
    generator, discriminator = (network.to(device).train() for network in networks)
    synchronised = world.size > 1 and compute.batch_norm_over == "all"
    for network in (generator, discriminator):
        network.channels_last = compute.channels_last
        for module in network.modules():
            if isinstance(module, RunningNorm):
                module.synchronised = synchronised
            elif synchronised and isinstance(module, nn.modules.batchnorm._BatchNorm):
                raise UserError(
                    "compute.batch_norm_over: all does not reach the BatchNorm of ordinary modules "
                    f"({type(module).__name__}): use device, or processes: 1"
                )
        if compute.compile:
            network.compile()
    # The meta device, which has shapes only, knows no autocast.
    kind = device.type if device.type != "meta" else "cpu"
    bf16 = compute.precision == "bf16"
    optimizer, ema = optimizer_of(recipe.optimizer, recipe.hyper), recipe.ema
    build, hyper = optimizer.entry.build, optimizer.settings
    return GanPair(
        generator=generator,
        discriminator=discriminator,
        generator_optimizer=build(generator.parameters(), recipe.generator_rate, hyper),
        discriminator_optimizer=build(discriminator.parameters(), recipe.discriminator_rate, hyper),
        objective=objectives.build(recipe.objective),
        micro_batches=recipe.micro_batches,
        average=MovingAverage(generator, ema.decay, ema.start_step) if ema else None,
        autocast=torch.autocast(kind, torch.bfloat16) if bf16 else nullcontext(),
        world=world,
    )


def update(pair: GanPair, inputs: StepInputs) -> Losses:
    """One step: updates both players in place.

    The discriminator moves first, on samples that carry no gradient; the generator's gradient is
    taken at the updated discriminator, as in the authors' code. Where `inputs.generator` is None
    its samples are those of the last discriminator update, so the generator runs forward once.

    Returns the losses of the last discriminator update and of the generator's.
    """
    last = len(inputs.discriminator) - 1
    for index, each in enumerate(inputs.discriminator):
        reused = inputs.generator is None and index == last
        discriminator_loss, fake = _discriminator_update(pair, each, reused)
    if inputs.generator is not None:
        latents, fake = inputs.generator, None
    else:
        latents = inputs.discriminator[last].fake
    generator_loss = _generator_update(pair, latents, fake)
    if pair.average:
        pair.average.update(pair.generator, inputs.number)
    return Losses(discriminator_loss, generator_loss)


def _discriminator_update(
    pair: GanPair, inputs: DiscriminatorInputs, reused: bool
) -> tuple[Tensor, Tensor]:
    """One update of the discriminator; returns its loss and the (last) generated images."""
    real, latents, mix = inputs
    objective = pair.objective
    pair.discriminator_optimizer.zero_grad(set_to_none=True)
    losses = []
    for part in pair.world.parts(len(real.images), pair.micro_batches):
        images, labels, fake_labels = real.images[part], real.labels[part], latents.labels[part]
        with torch.set_grad_enabled(reused):
            fake = pair.sample(latents.latents[part], fake_labels)
        loss = objective.discriminator(
            *pair.logits_pair(Images(images, labels), Images(fake.detach(), fake_labels))
        )
        if objective.penalised:
            penalty = objective.penalty(
                lambda points, labels=labels: pair.discriminator(points, labels),
                images,
                fake.detach(),
                mix[part],
            )
            loss = loss + objective.penalty_weight * penalty
        losses.append(_backward(loss, pair, pair.discriminator))
    _move(pair, pair.discriminator, pair.discriminator_optimizer)
    return torch.stack(losses).mean(0), fake


def _generator_update(pair: GanPair, inputs: Latents, fake: Tensor | None) -> Tensor:
    """One update of the generator, on `fake` where it is given; returns its loss."""
    pair.generator_optimizer.zero_grad(set_to_none=True)
    losses = []
    for part in pair.world.parts(len(inputs.latents), pair.micro_batches):
        latents, labels = inputs.latents[part], inputs.labels[part]
        images = pair.sample(latents, labels) if fake is None else fake
        loss = pair.objective.generator(pair.logits(images, labels))
        losses.append(_backward(loss, pair, pair.generator))
    _move(pair, pair.generator, pair.generator_optimizer)
    return torch.stack(losses).mean(0)


def _backward(loss: Tensor, pair: GanPair, network: nn.Module) -> Tensor:
    """Adds a micro-batch's share to one player's gradient, not to the other's; returns the loss."""
    (loss.sum() / pair.micro_batches).backward(inputs=pair.parameters[network])
    return loss.detach()


def _move(pair: GanPair, network: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    pair.world.average_gradients(pair.parameters[network])
    optimizer.step()


def _widened(values: Tensor) -> Tensor:
    return values.float() if values.dtype == torch.bfloat16 else values


def gradient_norms(network: nn.Module) -> Tensor:
    """Euclidean norm [R] of each replica's gradient as the last update used it."""
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    squares = [each.reshape(len(each), -1).square().sum(1) for each in gradients]
    return torch.stack(squares).sum(0).sqrt()
