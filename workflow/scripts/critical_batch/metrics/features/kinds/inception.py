"""Inception, the network of the published FID."""

from . import FeatureKind

PUBLISHED = "resources/weights/pt_inception-2015-12-05-6726825d.pth"
RANDOM = "results/features/inception-random.safetensors"


def _load(weights, settings):
    from ..inception import load_inception

    return load_inception(weights, settings.resize, settings.weights)


def _weights(dataset, named):
    return {None: PUBLISHED, "random": RANDOM}.get(named, named)


KIND = FeatureKind(
    description="Inception (paper; its distance is the FID)",
    dimensions=2048,
    load=_load,
    resizes=("pytorch_fid", "clean", "tensorflow"),
    named_weights=True,
    weights=_weights,
)
