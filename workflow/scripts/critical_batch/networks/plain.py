"""A kind of networks made of two ordinary PyTorch modules: one seed per network.

A package of one's own can bring any pair of `torch.nn.Module`s (docs/extending.md):

    def build(settings, shape):
        from .modules import Discriminator, Generator

        return Generator(settings.latent, shape.channels), Discriminator(shape.channels)

    TINY = plain("A tiny pair", build)

Importing this needs no torch.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..registries.chosen import Problems, no_problems
from .kinds import LatentSettings, NetworkKind

if TYPE_CHECKING:
    from torch import nn

    from ..data.shape import ImageShape

    Build = Callable[[Any, ImageShape], tuple[nn.Module, nn.Module]]


def plain(
    description: str,
    build: "Build",
    *,
    settings: type = LatentSettings,
    check: "Callable[[Any, ImageShape], Problems]" = no_problems,
    labels: bool = False,
    generator: tuple[str, ...] = (),
    joint_batch: bool = False,
    largest_map: Callable[[Any, int], int] | None = None,
) -> NetworkKind:
    """The entry of the registry of networks that makes its pair with `build`.

    build: (settings, shape) -> (generator, discriminator), two `torch.nn.Module`s on the CPU with
        their initial weights. settings: an instance of the class `settings`; shape: an
        `ImageShape`. The generator maps latents [b, latent] to images [b, channels, size, size] in
        [-1, 1], the discriminator maps images to logits [b] or [b, 1], without sigmoid. What they
        draw, when they are built or called, they draw from PyTorch's global generator.
    labels: whether both take class labels, int64 [b], as second argument. The data set must then
        have classes; shape.classes says how many.
    joint_batch: whether real and generated images may go through the discriminator in one pass,
        which BatchNorm forbids.
    description, settings, check, generator, largest_map: as of `NetworkKind`.
    """

    def pair(settings: Any, shape: "ImageShape", replicas: int) -> "tuple[nn.Module, nn.Module]":
        from .one_seed import pair_of

        return pair_of(build, settings, shape, labels=labels, joint_batch=joint_batch)

    return NetworkKind(
        description=description,
        build=pair,
        settings=settings,
        check=check,
        generator=generator,
        needs_labels=labels,
        largest_map=largest_map,
        replicas=False,
    )
