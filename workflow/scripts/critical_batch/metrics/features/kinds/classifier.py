"""The classifier that is trained on the data set itself."""

from . import FeatureKind


def _load(weights, settings):
    from ..classifier import load_classifier

    return load_classifier(weights)


def _weights(dataset, named):
    return f"results/features/{dataset}/classifier.safetensors"


KIND = FeatureKind(
    description="one trained on the data set's labels",
    dimensions=64,
    load=_load,
    prefix="classifier-",
    fewest_images=10,  # a tenth is held out of its training
    needs_labels=True,
    weights=_weights,
)
