"""Builds the pair of an experiment: a generator and a discriminator of R replicas each."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from ..data.shape import ImageShape
from ..runtime.streams import generator as random_stream
from .kinds import networks_of
from .replicated import initialise


def build(
    networks: Mapping[str, Any], shape: ImageShape, seeds: Sequence[int]
) -> tuple[nn.Module, nn.Module]:
    """The two players, freshly initialised.

    networks: those of a job, `kind` and settings. shape: of the images; its size is a power of two,
    its classes are used by class-conditional kinds only. seeds: one per replica; its initial
    weights come from its own stream `init`, 0 the generator's and 1 the discriminator's, and do not
    depend on its neighbours. Raises ValueError where there are several and a network of this kind
    holds one (see `networks.kinds.in_one_network`).

    The generator maps latents [b, R * latent] (and labels [b, R]) to images [b, R * channels, H, W]
    in [-1, 1]; the discriminator maps such images (and labels) to logits [b, R].
    """
    generator, discriminator = _pair(networks, shape, len(seeds))
    for player, network in enumerate((generator, discriminator)):
        initialise(network, [random_stream(seed, "init", player) for seed in seeds])
    return generator, discriminator


def shapes(
    networks: Mapping[str, Any], shape: ImageShape, replicas: int
) -> tuple[nn.Module, nn.Module]:
    """The two players of `build` on the meta device: all shapes, no data, no memory."""
    with torch.device("meta"):
        return _pair(networks, shape, replicas)


def _pair(
    networks: Mapping[str, Any], shape: ImageShape, replicas: int
) -> tuple[nn.Module, nn.Module]:
    choice = networks_of(networks)
    if replicas > 1 and not choice.entry.replicas:
        raise ValueError(f"a network of kind {choice.kind} holds one seed, not {replicas}")
    return choice.entry.build(choice.settings, shape, replicas)


def parameter_count(network: nn.Module) -> int:
    """Theta (or W): the number of trainable parameters of one replica."""
    return sum(parameter[0].numel() for parameter in network.parameters())
