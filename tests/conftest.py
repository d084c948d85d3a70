"""A small data set with a feature network and reference statistics, made once per session."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

# Before numpy and torch are imported. There is a process of tests for every core: threads of their
# own would only wait for each other, busily.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest

SETTINGS = {
    "experiment": "tiny",
    "networks": {
        "kind": "dcgan",
        "latent": 8,
        "generator_width": 4,
        "discriminator_width": 4,
        "generator_bn_momentum": 0.1,
        "discriminator_norm": "batch",
    },
    "objective": {"kind": "bce"},
    "discriminator_steps": 1,
    "latent_reuse": True,
    "labels": "data",
    "micro_batches": 1,
    "processes": 1,
    "ema": None,
    "compute": {
        "precision": "fp32",
        "channels_last": False,
        "compile": False,
        "batch_norm_over": "device",
    },
    "limits": {"steps": 60, "samples": None},
    "fid": {
        "features": "classifier",
        "samples": 80,
        "threshold": 0.0,
        "pixel_map": "fixed",
        "first_look": None,
        "grid": {"kind": "linear", "every": 20},
    },
    "batch_size": 4,
    "seeds": [0, 1, 2],
    "optimizer": "Adam",
    "generator_rate": 0.002,
    "discriminator_rate": 0.002,
    "hyper": {"beta1": 0.5, "beta2": 0.999, "eps": 1e-8},
}


@dataclass(frozen=True)
class Tiny:
    """Paths of a prepared data set of 60 grey 16x16 images in three classes."""

    data_dir: Path
    weights: Path
    reference: Path

    def command(self, output: Path, settings: dict, *options: str) -> list[str]:
        """Arguments of train_gan.py that write into `output`."""
        pairs = {
            "--settings": json.dumps(settings),
            "--data-dir": self.data_dir,
            "--weights": self.weights,
            "--reference": self.reference,
            "--state": output / "state" / "state.pt",
            "--history": output / "history.csv",
            "--run": output / "run.json",
            "--samples": output / "samples.png",
            "--generators": output / "generators.safetensors",
        }
        return [str(word) for pair in pairs.items() for word in pair] + list(options)


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What one process runs, for `--dist loadgroup`, and what starts first.

    Tests of one file share its fixtures. Tests with the mark `rig` share a machine's package
    manager and ports: they never run at once, but beside others, because most of their time is
    waiting. They start first and the unit tests last, so that no process is left with a long test.
    """

    def is_rig(item: pytest.Item) -> bool:
        return item.get_closest_marker("rig") is not None

    for item in items:
        item.add_marker(pytest.mark.xdist_group("rig" if is_rig(item) else item.path.stem))
    items.sort(key=lambda item: (not is_rig(item), "unit" in item.path.parts))


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Tiny:
    from ttur.data.packed import PackedDataset
    from ttur.data.packing import write_packed
    from ttur.data.source import array_source
    from ttur.features import statistics_key
    from ttur.features.classifier import load_classifier, save_classifier, train_classifier
    from ttur.frechet import Moments, Reference

    folder = tmp_path_factory.mktemp("prepared") / "tiny"
    random = np.random.default_rng(0)
    labels = np.arange(60) % 3
    images = random.integers(0, 80, (60, 16, 16, 1)) + 80 * labels[:, None, None, None]
    source = array_source(images.astype(np.uint8), labels, ["a", "b", "c"], (16, 16, 1))
    write_packed(folder, {"name": "tiny", "kind": "generated"}, source)
    dataset = PackedDataset.open(folder)
    network, _ = train_classifier(dataset.images, dataset.labels, 3, seed=0, epochs=1)
    save_classifier(network, folder / "classifier.safetensors")
    network = load_classifier(folder / "classifier.safetensors")
    import torch

    moments = Moments(network.dimensions)
    moments.update(network.features(torch.from_numpy(np.array(dataset.images)).permute(0, 3, 1, 2)))
    classifier = {"features": "classifier"}
    weights = folder / "classifier.safetensors"
    key = statistics_key(dataset.manifest, classifier, weights, "fixed")
    Reference.of(moments, key).save(folder / "reference.npz")
    return Tiny(folder, folder / "classifier.safetensors", folder / "reference.npz")
