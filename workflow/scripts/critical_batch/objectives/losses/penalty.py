"""The gradient penalty of WGAN-GP (Gulrajani et al. 2017)."""

from collections.abc import Callable

import torch
from torch import Tensor


def gradient_penalty(
    critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, mix: Tensor
) -> Tensor:
    """E (||grad D(x^)||_2 - 1)^2 at x^ = mix * real + (1 - mix) * fake (equation 3).

    critic: images -> logits [b, R]. real, fake: images [b, R * C, H, W] without gradient; mix:
    uniform in [0, 1), [b, R]. Returns [R]; differentiable in the critic's parameters.
    """
    batch_size, replicas = mix.shape
    weight = mix.repeat_interleave(real.shape[1] // replicas, dim=1)[:, :, None, None]
    points = torch.lerp(fake, real, weight).requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(points).sum(), points, create_graph=True)
    norms = gradient.reshape(batch_size, replicas, -1).norm(dim=2)
    return (norms - 1).square().mean(0)
