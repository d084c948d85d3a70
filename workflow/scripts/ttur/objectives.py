"""Losses of the two players: pure functions of scores.

Scores have shape [b, R]; a loss is the mean over the batch, one number per replica, shape [R].
Replicas share no parameter, so the gradient of a sum over R is each replica's own gradient.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

Scores = Tensor


def bce_discriminator(real: Scores, fake: Scores) -> Tensor:
    """-log D(x) - log(1 - D(G(z))) with D = sigmoid(score) (Goodfellow et al. 2014, eq. 1)."""
    return F.softplus(-real).mean(0) + F.softplus(fake).mean(0)


def bce_generator(fake: Scores) -> Tensor:
    """-log D(G(z)), the non-saturating loss (Goodfellow et al. 2014, section 3)."""
    return F.softplus(-fake).mean(0)


def wasserstein_discriminator(real: Scores, fake: Scores) -> Tensor:
    """D(G(z)) - D(x) (Arjovsky et al. 2017), the penalty apart."""
    return fake.mean(0) - real.mean(0)


def wasserstein_generator(fake: Scores) -> Tensor:
    """-D(G(z))."""
    return -fake.mean(0)


def hinge_discriminator(real: Scores, fake: Scores) -> Tensor:
    """max(0, 1 - D(x)) + max(0, 1 + D(G(z))) (Miyato et al. 2018, eq. 16)."""
    return F.relu(1 - real).mean(0) + F.relu(1 + fake).mean(0)


def gradient_penalty(
    discriminator: Callable[[Tensor], Scores], real: Tensor, fake: Tensor, mix: Tensor
) -> Tensor:
    """E (||grad D(x^)||_2 - 1)^2 at x^ = mix * real + (1 - mix) * fake (Gulrajani et al. 2017).

    real, fake: images [b, R * C, H, W] without gradient; mix: uniform in [0, 1), [b, R].
    Returns [R]; differentiable in the discriminator's parameters.
    """
    batch_size, replicas = mix.shape
    weight = mix.repeat_interleave(real.shape[1] // replicas, dim=1)[:, :, None, None]
    points = torch.lerp(fake, real, weight).requires_grad_(True)
    (gradient,) = torch.autograd.grad(discriminator(points).sum(), points, create_graph=True)
    norms = gradient.reshape(batch_size, replicas, -1).norm(dim=2)
    return (norms - 1).square().mean(0)


@dataclass(frozen=True)
class Objective:
    """Both players' losses; penalty_weight is 0 where there is no gradient penalty."""

    discriminator: Callable[[Scores, Scores], Tensor]
    generator: Callable[[Scores], Tensor]
    penalty_weight: float = 0.0


def build(settings: dict) -> Objective:
    """The objective for an experiment's `objective` block."""
    if settings["kind"] == "bce":
        return Objective(bce_discriminator, bce_generator)
    if settings["kind"] == "hinge":
        return Objective(hinge_discriminator, wasserstein_generator)
    return Objective(wasserstein_discriminator, wasserstein_generator, settings["penalty_weight"])
