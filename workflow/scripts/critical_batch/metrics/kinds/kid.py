"""The kernel distance; with Inception's features, the KID."""

from dataclasses import dataclass

from ...registries.settings import setting
from . import Metric

MOST_IMAGES = 10_000
"""Of one subset: as many real images as are kept."""


@dataclass(frozen=True, kw_only=True)
class Kid:
    subsets: int = setting(
        "Subsets that the KID is the mean over", default=100, at_least=1, at_most=10_000
    )
    subset_size: int = setting(
        "Generated images in a subset, and real ones", default=1000, at_least=2, at_most=MOST_IMAGES
    )


def statistics(dimensions):
    from ..kernel import Features

    return Features(dimensions)


def reference(real, key):
    from ..kernel import RealFeatures

    return RealFeatures.of(real, key)


def load(path):
    from ..kernel import RealFeatures

    return RealFeatures.load(path)


def distance(real, generated, settings):
    from ..kernel import kernel_distance

    return kernel_distance(
        generated.rows, real.rows, subsets=settings.subsets, subset_size=settings.subset_size
    )


def fewest(settings):
    return settings.subset_size


METRIC = Metric(
    description="The kernel distance (Bińkowski et al. 2018), unbiased",
    label="KID",
    statistics=statistics,
    reference=reference,
    load=load,
    distance=distance,
    settings=Kid,
    fewest=fewest,
)
