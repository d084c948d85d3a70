"""Configurations for tests: small, valid, and ways to change them."""

import copy
from typing import Any

REMOVED = object()


def minimal() -> dict[str, Any]:
    """A valid configuration with two data sets and two experiments, as read from YAML.

    Paths are relative to the top of the repository, where the tests run.
    """
    return {
        "datasets": {
            "fashion-mnist": {
                "kind": "fashion_mnist",
                "root": "resources/fashion-mnist",
                "image_size": 16,
            },
            "mnist": {"kind": "mnist", "image_size": 16},
        },
        "experiments": {
            "dcgan-fashion": {
                "section": "4.1",
                "title": "DCGAN on Fashion-MNIST",
                "dataset": "fashion-mnist",
                "networks": networks(),
                "objective": {"kind": "bce"},
                "seeds": [0, 1, 2],
                "limits": {"steps": 600},
                "fid": fid(),
                "batch_sizes": [2, 4, 8],
                "optimizers": {
                    "Adam": {**rates(), "beta1": 0.5, "beta2": 0.999},
                    "RMSProp": {**rates(), "alpha": 0.99},
                },
                "ratio": {"experiment": "dcgan-fashion", "optimizer": "Adam"},
            },
            "wgan-mnist": {
                "section": "4.2",
                "title": "WGAN-GP on MNIST",
                "dataset": "mnist",
                "networks": {**networks(), "discriminator_norm": "none"},
                "objective": {"kind": "wasserstein_gp"},
                "seeds": [0],
                "limits": {"steps": 600},
                "fid": fid(),
                "batch_sizes": [4],
                "optimizers": {"Adam": rates()},
                "ratio": {"experiment": "dcgan-fashion", "optimizer": "Adam"},
            },
        },
    }


def networks() -> dict[str, Any]:
    return {"kind": "dcgan", "latent": 64, "generator_width": 16, "discriminator_width": 16}


def fid() -> dict[str, Any]:
    grid = {"kind": "log", "first": 50, "factor": 1.1}
    return {"samples": 2000, "threshold": 15.0, "grid": grid}


def rates() -> dict[str, float]:
    return {"generator_rate": 0.002, "discriminator_rate": 0.002}


def image_folder(root: Any) -> dict[str, Any]:
    return {"kind": "image_folder", "root": str(root), "image_size": 16, "labels": "folders"}


def changed(config: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A copy of `config` with the values at the given paths, keys joined by slashes, set.

    REMOVED as a value takes the key away. Names with slashes cannot be reached this way.
    """
    config = copy.deepcopy(config)
    for path, value in changes.items():
        *parents, key = path.split("/")
        section = config
        for parent in parents:
            section = section[parent]
        if value is REMOVED:
            del section[key]
        else:
            section[key] = value
    return config
