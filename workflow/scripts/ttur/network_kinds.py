"""The kinds of networks: each is one entry of `NETWORKS`, and only checks of BigGAN name one.

To add an architecture, add a module to `networks/` and an entry here; docs/own-networks.md tells
how, with an example. Needs no torch: modules are imported when a pair is built.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

    Build = Callable[[Mapping[str, Any], int, int, int, int], tuple[nn.Module, nn.Module]]


@dataclass(frozen=True)
class NetworkKind:
    """One architecture, by the name that `networks: {kind: NAME}` calls it.

    build: (settings, image_size, channels, classes, replicas) -> (generator, discriminator), as
        `networks.build` describes them, not yet initialised.
    generator: the keys besides `latent` that shape the generator; experiments with equal ones may
        share the ratio r of Proposition 3.4.
    settings: the keys besides `kind` and `latent`, each with its JSON Schema: type, description,
        and a default where it may be left out. None where config.schema.yaml has them.
    needs_labels: whether the data set must have classes.
    """

    build: "Build"
    generator: tuple[str, ...] = ()
    settings: Mapping[str, Mapping[str, Any]] | None = None
    needs_labels: bool = False


def _dcgan(*arguments):
    from .networks import dcgan

    return dcgan.build(*arguments)


def _biggan(*arguments):
    from .networks import biggan

    return biggan.build(*arguments)


NETWORKS: dict[str, NetworkKind] = {
    "dcgan": NetworkKind(_dcgan, generator=("generator_width",)),
    "biggan": NetworkKind(_biggan, generator=("generator_width",), needs_labels=True),
}
