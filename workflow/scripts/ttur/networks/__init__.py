"""Networks with R independent replicas each; `build` is the only entry."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from . import biggan, dcgan
from .replicated import initialise

_KINDS = {"dcgan": dcgan.build, "biggan": biggan.build}


def build(
    settings: Mapping[str, Any],
    image_size: int,
    channels: int,
    classes: int,
    init_generators: Sequence[tuple[torch.Generator, torch.Generator]],
) -> tuple[nn.Module, nn.Module]:
    """The two players, freshly initialised.

    settings: the `networks` block of an experiment. image_size: pixels per side, a power of two.
    classes: number of classes of the data set, used by class-conditional kinds only.
    init_generators: one (generator's, discriminator's) pair of random streams per replica, so that
    a replica's initial weights do not depend on its neighbours.

    The generator maps latents [b, R * latent] (and labels [b, R]) to images [b, R * channels, H, W]
    in [-1, 1]; the discriminator maps such images (and labels) to scores [b, R].
    """
    generator, discriminator = _KINDS[settings["kind"]](
        settings, image_size, channels, classes, replicas=len(init_generators)
    )
    initialise(generator, [pair[0] for pair in init_generators])
    initialise(discriminator, [pair[1] for pair in init_generators])
    return generator, discriminator


def parameter_count(network: nn.Module) -> int:
    """Theta (or W): the number of trainable parameters of one replica."""
    return sum(parameter[0].numel() for parameter in network.parameters())
