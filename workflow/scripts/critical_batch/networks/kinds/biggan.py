"""BigGAN (Brock et al. 2019), class-conditional."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ...registries.settings import setting
from . import NetworkKind, WidthSettings, widest_map

if TYPE_CHECKING:
    from ...data.shape import ImageShape


@dataclass(frozen=True, kw_only=True)
class Settings(WidthSettings):
    latent: int = setting(
        "Dimension of the latent vector, cut into equal pieces, one for the 4x4 layer and one per "
        "doubling (paper 120, 6 pieces of 20 at 128 pixels)",
        at_least=1,
        at_most=4096,
    )
    embedding: int = setting(
        "Dimension of the class embedding", default=128, at_least=1, at_most=4096
    )
    attention: Literal[8, 16, 32, 64, 128] | None = setting(
        "Side of the feature maps with self-attention (paper 64; null for none)", default=None
    )


def _build(*arguments):
    from .. import biggan

    return biggan.build(*arguments)


def _check(settings: Settings, shape: "ImageShape") -> Iterator[tuple[str, str]]:
    """A latent of equal pieces, and attention over maps that there are, of enough channels."""
    pieces, latent = shape.size.bit_length() - 2, settings.latent
    if latent % pieces:
        yield (
            "latent",
            f"is {latent}, not {pieces} equal pieces as biggan needs at {shape.size} pixels: "
            f"use {latent - latent % pieces + pieces}",
        )
    if settings.attention is None:
        return
    if settings.attention >= shape.size:
        yield (
            "attention",
            f"is {settings.attention}: use a side below image_size, {shape.size}, or null",
        )
    for key in ("generator_width", "discriminator_width"):
        width = getattr(settings, key)
        if width < 8:
            yield key, f"is {width}: use at least 8, or attention: null"


KIND = NetworkKind(
    description="Class-conditional BigGAN; needs a data set with labels",
    build=_build,
    settings=Settings,
    check=_check,
    generator=("generator_width",),
    needs_labels=True,
    largest_map=widest_map,
)
