"""Inception, the network of the published FID."""


def load(weights, settings):
    from ..inception import load_inception

    return load_inception(weights, settings.resize, settings.weights)
