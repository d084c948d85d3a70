"""Fréchet distance of a group of generators, without touching their training."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..features import FeatureNetwork
from ..frechet import Moments, Reference
from ..pixels import to_uint8
from ..streams import generator as random_stream

# Samples are generated and scored in pieces of this size; it is fixed because the feature
# network's rounding may depend on it.
PIECE = 500


@torch.no_grad()
def generate(
    generator: nn.Module,
    latent: int,
    classes: int,
    randoms: Sequence[torch.Generator],
    count: int,
    device: torch.device,
) -> Tensor:
    """`count` samples of every replica in evaluation mode: [count, R, C, H, W] in [-1, 1].

    randoms: one random stream per replica, for latents and labels.
    """
    replicas = len(randoms)
    latents = [torch.randn(count, latent, generator=random) for random in randoms]
    labels = [torch.randint(max(classes, 1), (count, 1), generator=random) for random in randoms]
    was_training = generator.training
    generator.eval()
    images = generator(torch.cat(latents, 1).to(device), torch.cat(labels, 1).to(device))
    generator.train(was_training)
    return images.view(count, replicas, -1, *images.shape[2:])


@torch.no_grad()
def frechet_distances(
    generator: nn.Module,
    latent: int,
    classes: int,
    streams: Sequence[tuple[int, str, int]],
    samples: int,
    features: FeatureNetwork,
    reference: Reference,
    pixel_map: str,
    device: torch.device,
) -> list[float]:
    """One distance per replica from exactly `samples` samples; NaN where an image is not finite.

    streams: per replica (seed, stream name, counter) of its latents.
    """
    randoms = [random_stream(*stream) for stream in streams]
    moments = [Moments(features.dimensions) for _ in streams]
    finite = torch.ones(len(streams), dtype=torch.bool, device=device)
    for start in range(0, samples, PIECE):
        count = min(PIECE, samples - start)
        images = generate(generator, latent, classes, randoms, count, device)
        # NaN and Inf stay in a sum, and images in [-1, 1] cannot overflow it.
        finite &= images.sum((0, 2, 3, 4)).isfinite()
        pixels = to_uint8(images.transpose(0, 1).flatten(0, 1), pixel_map)
        values = features.features(pixels).view(len(streams), count, -1)
        for replica, moment in enumerate(moments):
            moment.update(values[replica])
    return [
        reference.distance(moment.mean, moment.covariance) if ok else float("nan")
        for moment, ok in zip(moments, finite.tolist(), strict=True)
    ]
