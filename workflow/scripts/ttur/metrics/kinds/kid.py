"""The kernel distance; with Inception's features, the KID."""

from dataclasses import dataclass

from .. import Metric


@dataclass(frozen=True)
class Kid:
    """subsets: over which the distance is averaged. subset_size: images of each kind in one."""

    subsets: int = 100
    subset_size: int = 1000


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


METRIC = Metric("KID", statistics, reference, load, distance, Kid, fewest)
