"""The Fréchet distance of 2,048 features, against the function of pytorch-fid."""

import numpy as np
import torch
from critical_batch.metrics.frechet import Moments, Reference
from pytorch_fid.fid_score import calculate_frechet_distance
from timing import Row, compare

DIMENSIONS = 2048


def measure(quick: bool) -> list[Row]:
    random = torch.Generator().manual_seed(0)
    mixing = torch.randn(DIMENSIONS, DIMENSIONS, generator=random) / DIMENSIONS**0.5
    sets = []
    for shift in (0.0, 0.1):
        moments = Moments(DIMENSIONS)
        moments.update(torch.randn(5000, DIMENSIONS, generator=random) @ mixing + shift)
        sets.append(moments)
    reference, generated = Reference.of(sets[0], "benchmark"), sets[1]
    arrays = [np.asarray(m.covariance) for m in sets]
    means = [np.asarray(m.mean) for m in sets]

    def ours() -> float:
        return reference.distance(generated.mean, generated.covariance)

    def theirs() -> float:
        return calculate_frechet_distance(means[0], arrays[0], means[1], arrays[1])

    error = abs(ours() - theirs()) / abs(theirs())
    case = f"{DIMENSIONS} features, relative difference {error:.1e}"
    candidates = {"ours": ours, "pytorch-fid": theirs}
    return compare("distance", case, candidates, 1 if quick else 5)
