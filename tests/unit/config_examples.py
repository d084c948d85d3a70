"""Configurations for tests: small, valid, and ways to change them."""

import copy
from typing import Any

import pytest
from critical_batch.configuration import load
from critical_batch.runtime.errors import UserError

REMOVED = object()
X = "experiments/dcgan-fashion"
W = "experiments/wgan-mnist"


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


def biggan(**keys: Any) -> dict[str, Any]:
    return {**networks(), "kind": "biggan", **keys}


def problem(config: Any) -> str:
    """The one line that loading `config` ends with."""
    with pytest.raises(UserError) as caught:
        load(config)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message


def assert_refused(changes: dict[str, Any], path: str, remedy: str) -> None:
    """That a changed minimal configuration ends with a line that names the key and the remedy.

    path: keys joined by slashes. remedy: words of the line after the path.
    """
    rest = without_prefix(problem(changed(minimal(), changes)), path.replace("/", "."))
    assert remedy in rest


def without_prefix(message: str, path: str) -> str:
    """The line after "config: " and the key."""
    prefix = f"config: {path} "
    assert message.startswith(prefix)
    return message.removeprefix(prefix)


STARTS = {
    ".png": b"\x89PNG\r\n\x1a\n",
    ".jpeg": b"\xff\xd8\xff\xe0",
    ".webp": b"RIFF\0\0\0\0WEBP",
}


def with_images(folder: Any, names: list[str], **keys: Any) -> dict[str, Any]:
    """The minimal configuration with a data set `faces` of such files, and an experiment on it."""
    for name in names:
        file = folder / name
        file.parent.mkdir(exist_ok=True, parents=True)
        file.write_bytes(STARTS.get(file.suffix.lower(), b""))
    own = {
        **minimal()["experiments"]["dcgan-fashion"],
        "dataset": "faces",
        "ratio": {"experiment": "own", "optimizer": "Adam"},
        "batch_sizes": [2],
    }
    dataset = {**image_folder(folder), **keys}
    return changed(minimal(), {"datasets/faces": dataset, "experiments/own": own})
