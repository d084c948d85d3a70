"""The Fréchet distance of normal distributions; with Inception's features, the FID."""

from . import Metric


def statistics(dimensions):
    from ..frechet import Moments

    return Moments(dimensions)


def reference(real, key):
    from ..frechet import Reference

    return Reference.of(real, key)


def load(path):
    from ..frechet import Reference

    return Reference.load(path)


def distance(real, generated, settings):
    return real.distance(generated.mean, generated.covariance)


METRIC = Metric(
    description="The Fréchet distance (Heusel et al. 2017)",
    label="FID",
    statistics=statistics,
    reference=reference,
    load=load,
    distance=distance,
)
