"""One step of TTUR training: the discriminator's updates, then the generator's."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from .. import networks, objectives
from ..networks.replicated import RunningNorm, keep_replicas
from ..optimizers import OPTIMIZERS
from .average import MovingAverage
from .draws import Draws
from .world import World


@dataclass
class Players:
    """Both networks with their optimizers and the rules of the game."""

    generator: nn.Module
    discriminator: nn.Module
    generator_optimizer: torch.optim.Optimizer
    discriminator_optimizer: torch.optim.Optimizer
    objective: objectives.Objective
    discriminator_steps: int
    latent_reuse: bool
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

    def score(self, images: Tensor, labels: Tensor) -> Tensor:
        """Scores [b, R], out of autocast."""
        with self.autocast:
            return _widened(self.discriminator(images, labels))

    def score_pair(
        self, real: tuple[Tensor, Tensor], fake: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Scores of two (images, labels), in one pass where the network allows it."""
        if not self.discriminator.joint_batch:
            return self.score(*real), self.score(*fake)
        images, labels = (torch.cat(pair) for pair in zip(fake, real, strict=True))
        scores = self.score(images, labels)
        return scores[len(fake[0]) :], scores[: len(fake[0])]

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


def build_players(
    settings: Mapping[str, Any],
    seeds: Sequence[int],
    image_size: int,
    channels: int,
    classes: int,
    device: torch.device,
    world: World,
) -> Players:
    """Fresh players with one replica per seed, from a training job's settings."""
    pair = networks.build(settings["networks"], image_size, channels, classes, seeds)
    return assemble(settings, pair, device, world)


def assemble(
    settings: Mapping[str, Any],
    pair: tuple[nn.Module, nn.Module],
    device: torch.device,
    world: World,
) -> Players:
    """Players from a generator and a discriminator: their optimizers and the rules of the game."""
    generator, discriminator = (network.to(device).train() for network in pair)
    compute = settings["compute"]
    for network in (generator, discriminator):
        network.channels_last = compute["channels_last"]
        for module in network.modules():
            if isinstance(module, RunningNorm):
                module.synchronised = world.size > 1 and compute["batch_norm_over"] == "all"
        if compute["compile"]:
            network.compile()
    bf16 = compute["precision"] == "bf16"
    # The meta device, which has shapes only, knows no autocast.
    kind = device.type if device.type != "meta" else "cpu"
    half = torch.autocast(kind, torch.bfloat16) if bf16 else nullcontext()
    build = OPTIMIZERS[settings["optimizer"]].build
    hyper, ema = settings["hyper"], settings["ema"]
    return Players(
        generator,
        discriminator,
        build(generator.parameters(), settings["generator_rate"], hyper),
        build(discriminator.parameters(), settings["discriminator_rate"], hyper),
        objectives.build(settings["objective"]),
        settings["discriminator_steps"],
        settings["latent_reuse"],
        settings["micro_batches"],
        MovingAverage(generator, **ema) if ema else None,
        half,
        world,
    )


def train_step(players: Players, draws: Draws, step: int) -> tuple[Tensor, Tensor]:
    """Step number `step`, counted from 0; updates both players in place.

    The discriminator moves first, on samples that carry no gradient; the generator's gradient is
    taken at the updated discriminator, as in the authors' code. With latent_reuse its samples are
    those of the last discriminator step, so the generator runs forward once; else they are new.

    Returns the discriminator's (last) and the generator's loss, each [R], without gradient: means
    over this process's part of the batch.
    """
    updates = players.discriminator_steps
    latents_per_step = updates if players.latent_reuse else updates + 1
    for update in range(updates):
        latents = draws.latents(step * latents_per_step + update)
        reused = players.latent_reuse and update == updates - 1
        discriminator_loss, fake = _discriminator_update(
            players, draws, step * updates + update, latents, reused
        )
    if not players.latent_reuse:
        latents, fake = draws.latents(step * latents_per_step + updates), None
    generator_loss = _generator_update(players, latents, fake)
    if players.average:
        players.average.update(players.generator, step)
    return discriminator_loss, generator_loss


def _discriminator_update(
    players: Players, draws: Draws, counter: int, latents: tuple[Tensor, Tensor], reused: bool
) -> tuple[Tensor, Tensor]:
    """One update of the discriminator; returns its loss and the (last) generated images."""
    real, real_labels = draws.real(counter)
    penalised = players.objective.penalty_weight > 0
    mix = draws.mix(counter) if penalised else None
    players.discriminator_optimizer.zero_grad(set_to_none=True)
    losses = []
    for part in players.world.parts(len(real), players.micro_batches):
        labels, part_latents, fake_labels = real_labels[part], latents[0][part], latents[1][part]
        with torch.set_grad_enabled(reused):
            fake = players.sample(part_latents, fake_labels)
        loss = players.objective.discriminator(
            *players.score_pair((real[part], labels), (fake.detach(), fake_labels))
        )
        if penalised:
            penalty = objectives.gradient_penalty(
                lambda points, labels=labels: players.discriminator(points, labels),
                real[part],
                fake.detach(),
                mix[part],
            )
            loss = loss + players.objective.penalty_weight * penalty
        losses.append(_backward(loss, players, players.discriminator))
    _update(players, players.discriminator, players.discriminator_optimizer)
    return torch.stack(losses).mean(0), fake


def _generator_update(
    players: Players, latents: tuple[Tensor, Tensor], fake: Tensor | None
) -> Tensor:
    """One update of the generator, on `fake` where it is given; returns its loss."""
    players.generator_optimizer.zero_grad(set_to_none=True)
    losses = []
    for part in players.world.parts(len(latents[0]), players.micro_batches):
        images = players.sample(latents[0][part], latents[1][part]) if fake is None else fake
        loss = players.objective.generator(players.score(images, latents[1][part]))
        losses.append(_backward(loss, players, players.generator))
    _update(players, players.generator, players.generator_optimizer)
    return torch.stack(losses).mean(0)


def _backward(loss: Tensor, players: Players, network: nn.Module) -> Tensor:
    """Adds a micro-batch's share to one player's gradient, not to the other's; returns the loss."""
    (loss.sum() / players.micro_batches).backward(inputs=players.parameters[network])
    return loss.detach()


def _update(players: Players, network: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    players.world.average_gradients(players.parameters[network])
    optimizer.step()


def _widened(values: Tensor) -> Tensor:
    return values.float() if values.dtype == torch.bfloat16 else values


def gradient_norms(network: nn.Module) -> Tensor:
    """Euclidean norm [R] of each replica's gradient as the last update used it."""
    squares = [p.grad.flatten(1).square().sum(1) for p in network.parameters()]
    return torch.stack(squares).sum(0).sqrt()
