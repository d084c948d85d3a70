"""Distances of a group of generators to real images, without touching their training."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf, nan
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..data.labels import SampleLabels
from ..networks.replicated import one_replica
from ..runtime.streams import generator as random_stream
from . import Distance
from .features.loading import FeatureNetwork
from .pixels import to_uint8

# Latents are drawn, and samples compared, in pieces of this size: what a stream gives depends on
# it, and the feature network's rounding may.
PIECE = 500
# So many of them pass the generator together: on a CPU larger maps fall out of the cache.
PASS = 250


Inputs = tuple[Tensor, Tensor]
"""Latents [n, latent], N(0, 1), and labels [n, 1] of one replica."""


def draw(latent: int, labels: SampleLabels, count: int, random: torch.Generator) -> Inputs:
    """The inputs of `count` samples, from a stream."""
    latents = torch.randn(count, latent, generator=random)
    return latents, labels.draw((count, 1), random)


def generate(generator: nn.Module, replica: int, inputs: Inputs) -> Tensor:
    """Samples of a replica in evaluation mode: [n, C, H, W] in [-1, 1]."""
    was_training = generator.training
    generator.eval()
    sample = one_replica(generator, replica)
    parts = zip(*(each.split(PASS) for each in inputs), strict=True)
    images = torch.cat([sample(*part) for part in parts])
    generator.train(was_training)
    return images


class Evaluation(NamedTuple):
    """The distances of one generator, by the names of the metrics, and of how many samples."""

    values: dict[str, float]
    samples: int


class FirstLook(NamedTuple):
    """A look at few samples, which is the evaluation where it finds a distance above `ceiling`."""

    samples: int
    metric: str
    ceiling: float


@dataclass(frozen=True)
class Evaluator:
    """What generators are compared with, and by what.

    distances: metric -> its distance to real images under `features` and `pixel_map`. latent: what
    the generators take; labels: the classes that they are asked for. device: where they are.
    """

    features: FeatureNetwork
    distances: Mapping[str, Distance]
    pixel_map: str
    latent: int
    labels: SampleLabels
    device: torch.device

    @torch.no_grad()
    def evaluate(
        self,
        generator: nn.Module,
        streams: Sequence[tuple[int, str, int]],
        samples: int,
        first: FirstLook | None = None,
    ) -> list[Evaluation]:
        """One evaluation per replica, of exactly `samples` samples, or of the first of them where a
        first look is asked for and settles it; distances are NaN where an image is not finite.

        streams: per replica (seed, stream name, counter) of its latents. Replicas are evaluated
        one by one, so that no distance depends on the neighbours.
        """
        looks = [FirstLook(samples, next(iter(self.distances)), -inf)]
        if first is not None and first.samples < samples:
            looks.insert(0, first)
        return [
            self._evaluation(generator, replica, random_stream(*stream), looks)
            for replica, stream in enumerate(streams)
        ]

    def _evaluation(
        self,
        generator: nn.Module,
        replica: int,
        random: torch.Generator,
        looks: Sequence[FirstLook],
    ) -> Evaluation:
        pieces, count = self._pieces(random, looks), 0
        statistics = {
            name: distance.statistics(self.features.dimensions)
            for name, distance in self.distances.items()
        }
        for look in looks:
            while count < look.samples:
                images = generate(generator, replica, next(pieces))
                # NaN and Inf stay in a sum, and images in [-1, 1] cannot overflow it.
                if not images.sum().isfinite():
                    return Evaluation(dict.fromkeys(self.distances, nan), look.samples)
                count += len(images)
                features = self.features.features(to_uint8(images, self.pixel_map))
                for each in statistics.values():
                    each.update(features)
            decisive = self.distances[look.metric].to(statistics[look.metric])
            if not decisive <= look.ceiling:
                break
        values = {
            name: decisive if name == look.metric else distance.to(statistics[name])
            for name, distance in self.distances.items()
        }
        return Evaluation(values, look.samples)

    def _pieces(self, random: torch.Generator, looks: Sequence[FirstLook]) -> Iterator[Inputs]:
        """The inputs of all samples, with a cut where the first look ends: what is drawn does not
        depend on where that is."""
        first, samples = looks[0].samples, looks[-1].samples
        for start in range(0, samples, PIECE):
            count = min(PIECE, samples - start)
            inputs = draw(self.latent, self.labels, count, random)
            cut = first - start if 0 < first - start < count else count
            for part in (slice(0, cut), slice(cut, count)):
                if part.start < part.stop:
                    yield tuple(each[part].to(self.device) for each in inputs)
