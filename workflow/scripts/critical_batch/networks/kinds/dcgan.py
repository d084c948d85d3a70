"""DCGAN (Radford et al. 2016)."""

from dataclasses import dataclass
from typing import Literal

from ...registries.settings import setting
from . import NetworkKind, WidthSettings, widest_map


@dataclass(frozen=True, kw_only=True)
class Settings(WidthSettings):
    discriminator_norm: Literal["batch", "none"] = setting(
        "Normalisation in the discriminator (paper batch, textbook Wasserstein GAN none)",
        default="batch",
    )
    generator_bn_momentum: float = setting("BatchNorm momentum", default=0.1, above=0, at_most=1)


def _build(*arguments):
    from .. import dcgan

    return dcgan.build(*arguments)


KIND = NetworkKind(
    description="Deep convolutional GAN",
    build=_build,
    settings=Settings,
    generator=("generator_width",),
    largest_map=widest_map,
)
