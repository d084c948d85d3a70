"""The kinds of networks: each module of this folder is one entry of `ARCHITECTURES`.

To add an architecture, add its module to `networks/` and its entry here, under the same name;
docs/own-networks.md tells how, with an example. Entries need no torch until a pair is built.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...registries.chosen import Chosen, Problems, check_fields, chosen, no_problems
from ...registries.registry import Registry
from ...registries.settings import setting

if TYPE_CHECKING:
    from torch import nn

    from ...data.shape import ImageShape

    Build = Callable[[Any, ImageShape, int], tuple[nn.Module, nn.Module]]
    Check = Callable[[Any, ImageShape], Problems]


@dataclass(frozen=True, kw_only=True)
class LatentSettings:
    """The settings that every kind of networks has."""

    latent: int = setting("Dimension of the latent vector", at_least=1, at_most=4096)


@dataclass(frozen=True, kw_only=True)
class WidthSettings(LatentSettings):
    """Of networks whose layers are as wide as multiples of one number."""

    generator_width: int = setting(
        "Generator channels, the multipliers' base", at_least=1, at_most=4096
    )
    discriminator_width: int = setting(
        "Discriminator channels, the multipliers' base", at_least=1, at_most=4096
    )


@dataclass(frozen=True, kw_only=True)
class NetworkKind:
    """One architecture, by the name that `networks: {kind: NAME}` calls it.

    description: one line on what it is, without a full stop.
    build: (settings, shape, replicas) -> (generator, discriminator), as `networks.build` describes
        them, not yet initialised; settings: an instance of the class below, shape: an `ImageShape`.
    settings: a dataclass of `registries.settings.setting` fields, the keys besides `kind`.
    `latent`, an
        integer, is one of them.
    check: (settings, shape) -> what a schema cannot say of them, each as a key and a message that
        ends in the remedy. shape.classes is a guess before the data are prepared.
    generator: the keys besides `latent` that shape the generator; experiments with equal ones may
        share the ratio r of Proposition 3.4.
    needs_labels: whether the data set must have classes.
    largest_map: (settings, image_size) -> the most numbers that one layer of either network gives
        for one image, at least about: it decides whether seeds share a network, and rules out
        quickly that memory is short. None where the entry does not say (see `largest_map`).
    replicas: whether a network can hold several seeds. Where it is False, each seed has a network
        of its own, and `build` is asked for one replica.
    """

    description: str
    build: "Build"
    settings: type = LatentSettings
    check: "Check" = no_problems
    generator: tuple[str, ...] = ()
    needs_labels: bool = False
    largest_map: "Callable[[Any, int], int] | None" = None
    replicas: bool = True

    def __post_init__(self) -> None:
        check_fields(self.settings, "kind")
        if "latent" not in {each.name for each in dataclasses.fields(self.settings)}:
            raise TypeError(f"{self.settings.__qualname__} has no field latent: add it")


def networks_of(networks: Mapping[str, Any]) -> Chosen[NetworkKind]:
    """The kind and the typed settings of a job's `networks`.

    Raises KeyError and UserError as `chosen` does.
    """
    return chosen(ARCHITECTURES, networks, "job: networks")


def largest_map(networks: Mapping[str, Any], image_size: int) -> int | None:
    """What the entry says of a job's `networks`; None where it says nothing.

    Nothing rests on it but time: without it seeds are grouped by the size of their images, and
    memory is counted at every start, which takes a second or two.
    """
    choice = networks_of(networks)
    say = choice.entry.largest_map
    return say(choice.settings, image_size) if say else None


def in_one_network(networks: Mapping[str, Any], seeds: Sequence[int]) -> list[list[int]]:
    """The seeds in order, in as few networks as the kind of a job's `networks` allows."""
    together = networks_of(networks).entry.replicas
    return [list(seeds)] if together else [[seed] for seed in seeds]


def widest_map(settings: WidthSettings, image_size: int) -> int:
    """Of networks that are widest where maps have the image's size."""
    return max(settings.generator_width, settings.discriminator_width) * image_size**2


ARCHITECTURES: Registry[NetworkKind] = Registry(
    __name__, "KIND", NetworkKind, first=("dcgan", "biggan")
)
"""Name in the configuration -> architecture."""
