"""The configuration's key `networks` of an experiment: a model for each built-in kind.

Kinds of one's own bring their keys in their entry of `NETWORKS`, as JSON Schema.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from .problems import Problem
from .section import Section, by_kind

if TYPE_CHECKING:
    from .config import Config

Width = Annotated[int, Field(ge=1, le=4096)]
Latent = Annotated[Width, Field(description="Dimension of the latent vector")]
GeneratorWidth = Annotated[Width, Field(description="Generator channels, the multipliers' base")]
DiscriminatorWidth = Annotated[
    Width, Field(description="Discriminator channels, the multipliers' base")
]


class Dcgan(Section):
    kind: Literal["dcgan"] = Field(description="Deep convolutional GAN")
    latent: Latent
    generator_width: GeneratorWidth
    discriminator_width: DiscriminatorWidth
    discriminator_norm: Literal["batch", "none"] = Field(
        "batch",
        description="Normalisation in the discriminator (paper batch, textbook Wasserstein GAN "
        "none)",
    )
    generator_bn_momentum: float = Field(0.1, gt=0, le=1, description="BatchNorm momentum")


class Biggan(Section):
    kind: Literal["biggan"] = Field(
        description="Class-conditional BigGAN; needs a data set with labels"
    )
    latent: Width = Field(
        description="Dimension of the latent vector, cut into equal pieces, one for the 4x4 layer "
        "and one per doubling (paper 120, 6 pieces of 20 at 128 pixels)"
    )
    generator_width: GeneratorWidth
    discriminator_width: DiscriminatorWidth
    embedding: Width = Field(128, description="Dimension of the class embedding")
    attention: Literal[8, 16, 32, 64, 128] | None = Field(
        None, description="Side of the feature maps with self-attention (paper 64; null for none)"
    )


class OwnNetworks(Section, extra="allow"):
    """A kind of one's own: its keys are those that its entry of `NETWORKS` brings."""

    kind: str = Field(description="The name of an entry of NETWORKS")
    latent: Latent


def _model(networks: Any) -> str:
    kind = networks["kind"] if isinstance(networks, dict) else networks.kind
    return kind if kind in ("dcgan", "biggan") else "own"


AnyNetworks = Dcgan | Biggan | OwnNetworks
NetworksSection = Annotated[
    Annotated[Dcgan, Tag("dcgan")]
    | Annotated[Biggan, Tag("biggan")]
    | Annotated[OwnNetworks, Tag("own")],
    by_kind("The architecture", Discriminator(_model)),
]


def biggan_that_fits_the_images(config: "Config") -> Iterator[Problem]:
    for name, experiment in config.experiments.items():
        networks, path = experiment.networks, ["experiments", name, "networks"]
        if not isinstance(networks, Biggan):
            continue
        image_size = config.datasets[experiment.dataset].image_size
        pieces, latent = image_size.bit_length() - 2, networks.latent
        if latent % pieces:
            yield (
                [*path, "latent"],
                f"is {latent}, not {pieces} equal pieces as biggan needs at {image_size} pixels: "
                f"use {latent - latent % pieces + pieces}",
            )
        if networks.attention is None:
            continue
        if networks.attention >= image_size:
            yield (
                [*path, "attention"],
                f"is {networks.attention}: use a side below image_size, {image_size}, or null",
            )
        for key in ("generator_width", "discriminator_width"):
            width = getattr(networks, key)
            if width < 8:
                yield [*path, key], f"is {width}: use at least 8, or attention: null"
