"""One step of TTUR training: the discriminator's updates, then the generator's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from .. import networks, objectives
from ..networks.replicated import keep_replicas
from ..optimizers import OPTIMIZERS
from ..streams import generator as random_stream
from .draws import Draws


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

    def keep(self, kept: Sequence[int]) -> None:
        """Cuts all replicas but `kept` (positions in the group) out of both players."""
        keep_replicas(self.generator, [self.generator_optimizer], kept)
        keep_replicas(self.discriminator, [self.discriminator_optimizer], kept)

    def state(self) -> dict[str, Any]:
        """Everything that a step changes, as tensors and plain values."""
        return {name: getattr(self, name).state_dict() for name in _STATEFUL}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Restores what `state` gave; the number of replicas must be the same."""
        for name in _STATEFUL:
            getattr(self, name).load_state_dict(state[name])


_STATEFUL = ("generator", "discriminator", "generator_optimizer", "discriminator_optimizer")


def build_players(
    settings: Mapping[str, Any],
    seeds: Sequence[int],
    image_size: int,
    channels: int,
    classes: int,
    device: torch.device,
) -> Players:
    """Fresh players with one replica per seed, from a training job's settings."""
    streams = [(random_stream(s, "init", 0), random_stream(s, "init", 1)) for s in seeds]
    pair = networks.build(settings["networks"], image_size, channels, classes, streams)
    generator, discriminator = (network.to(device).train() for network in pair)
    build = OPTIMIZERS[settings["optimizer"]].build
    hyper = settings["hyper"]
    return Players(
        generator,
        discriminator,
        build(generator.parameters(), settings["generator_rate"], hyper),
        build(discriminator.parameters(), settings["discriminator_rate"], hyper),
        objectives.build(settings["objective"]),
        settings["discriminator_steps"],
        settings["latent_reuse"],
    )


def train_step(players: Players, draws: Draws, step: int) -> tuple[Tensor, Tensor]:
    """Step number `step`, counted from 0; updates both players in place.

    The discriminator moves first, on samples that carry no gradient; the generator's gradient is
    taken at the updated discriminator, as in the authors' code. With latent_reuse its samples are
    those of the last discriminator step, so the generator runs forward once; else they are new.

    Returns the discriminator's (last) and the generator's loss, each [R], without gradient.
    """
    generator, discriminator = players.generator, players.discriminator
    objective, updates = players.objective, players.discriminator_steps
    latents_per_step = updates if players.latent_reuse else updates + 1
    for update in range(updates):
        counter = step * updates + update
        latents, fake_labels = draws.latents(step * latents_per_step + update)
        reused = players.latent_reuse and update == updates - 1
        with torch.set_grad_enabled(reused):
            fake = generator(latents, fake_labels)
        real, real_labels = draws.real(counter)
        loss = objective.discriminator(
            *_scores(discriminator, (real, real_labels), (fake.detach(), fake_labels))
        )
        if objective.penalty_weight:
            penalty = objectives.gradient_penalty(
                lambda points, labels=real_labels: discriminator(points, labels),
                real,
                fake.detach(),
                draws.mix(counter),
            )
            loss = loss + objective.penalty_weight * penalty
        discriminator_loss = loss.detach()
        _update(players.discriminator_optimizer, discriminator, loss)
    if not players.latent_reuse:
        latents, fake_labels = draws.latents(step * latents_per_step + updates)
        fake = generator(latents, fake_labels)
    loss = objective.generator(discriminator(fake, fake_labels))
    _update(players.generator_optimizer, generator, loss)
    return discriminator_loss, loss.detach()


def _scores(
    discriminator: nn.Module, real: tuple[Tensor, Tensor], fake: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """Scores of (images, labels) pairs, in two passes unless the network asks for one."""
    if not getattr(discriminator, "joint_batch", False):
        return discriminator(*real), discriminator(*fake)
    images, labels = (torch.cat(pair) for pair in zip(fake, real, strict=True))
    scores = discriminator(images, labels)
    return scores[len(fake[0]) :], scores[: len(fake[0])]


def _update(optimizer: torch.optim.Optimizer, network: nn.Module, loss: Tensor) -> None:
    """One optimizer step of one player; the other player's weight gradients are not computed."""
    optimizer.zero_grad(set_to_none=True)
    loss.sum().backward(inputs=list(network.parameters()))
    optimizer.step()


def gradient_norms(network: nn.Module) -> Tensor:
    """Euclidean norm [R] of each replica's gradient as the last update used it."""
    squares = [p.grad.flatten(1).square().sum(1) for p in network.parameters()]
    return torch.stack(squares).sum(0).sqrt()
