"""The classifier that is trained on the data set itself."""


def load(weights, settings):
    from ..classifier import load_classifier

    return load_classifier(weights)
