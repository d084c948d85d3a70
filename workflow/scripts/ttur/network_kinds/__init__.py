"""The kinds of networks: each module of this folder is one entry of `NETWORKS`.

To add an architecture, add its module to `networks/` and its entry here, under the same name;
docs/own-networks.md tells how, with an example. Entries need no torch until a pair is built. Only
checks of BigGAN name a kind.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..registry import Registry

if TYPE_CHECKING:
    from torch import nn

    from ..data.shape import ImageShape

    Build = Callable[[Mapping[str, Any], ImageShape, int], tuple[nn.Module, nn.Module]]


@dataclass(frozen=True)
class NetworkKind:
    """One architecture, by the name that `networks: {kind: NAME}` calls it.

    build: (settings, shape, replicas) -> (generator, discriminator), as `networks.build` describes
        them, not yet initialised; shape: an `ImageShape`.
    generator: the keys besides `latent` that shape the generator; experiments with equal ones may
        share the ratio r of Proposition 3.4.
    settings: the keys besides `kind` and `latent`, each with its JSON Schema: type, description,
        and a default where it may be left out. None where `configuration/networks.py` has them,
        as it has those of dcgan and biggan.
    needs_labels: whether the data set must have classes.
    largest_map: (settings, image_size) -> the most numbers that one layer of either network gives
        for one image, at least about: it decides whether seeds share a network, and rules out
        quickly that memory is short. None where the entry does not say (see `largest_map`).
    """

    build: "Build"
    generator: tuple[str, ...] = ()
    settings: Mapping[str, Mapping[str, Any]] | None = field(default_factory=dict)
    needs_labels: bool = False
    largest_map: "Callable[[Mapping[str, Any], int], int] | None" = None


def largest_map(networks: Mapping[str, Any], image_size: int) -> int | None:
    """What the entry says of an experiment's `networks` block; None where it says nothing.

    Nothing rests on it but time: without it seeds are grouped by the size of their images, and
    memory is counted at every start, which takes a second or two.
    """
    say = NETWORKS[networks["kind"]].largest_map
    return say(networks, image_size) if say else None


def widest_map(settings: Mapping[str, Any], image_size: int) -> int:
    """Of networks that are widest where maps have the image's size."""
    return max(settings["generator_width"], settings["discriminator_width"]) * image_size**2


NETWORKS: Registry[NetworkKind] = Registry(__name__, "KIND", NetworkKind, first=("dcgan", "biggan"))
"""Name in the configuration -> architecture."""
