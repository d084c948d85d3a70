"""A small data set with a feature network and reference statistics, made once per session."""

import json
import os
import signal
from dataclasses import dataclass
from functools import cache
from pathlib import Path

# Before numpy and torch are imported. There is a process of tests for every core: threads of their
# own would only wait for each other, busily.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# A shell that starts `make test` in the background has it ignore Ctrl-C, and with it every process
# that a test starts, to which the test may then send one.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
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
        "pixel_map": "fixed",
        "first_look": None,
        "grid": {"kind": "linear", "every": 20},
    },
    "stop": {"metric": "fid", "at_most": 0.0},
    "metrics": {},
    "batch_size": 4,
    "seeds": [0, 1, 2],
    "optimizer": "Adam",
    "generator_rate": 0.002,
    "discriminator_rate": 0.002,
    "hyper": {"beta1": 0.5, "beta2": 0.999, "eps": 1e-8},
}


def stop_at(at_most: float, metric: str = "fid") -> dict:
    """The settings of a job that ends so."""
    return {"stop": {"metric": metric, "at_most": at_most}}


def job_of(settings: dict):
    """The training job of such settings."""
    from critical_batch.training.job import TrainingJob

    return TrainingJob.from_json(settings)


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


@cache
def uses_rigs(file: str) -> bool:
    return "mark.rig" in (ROOT / file).read_text()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests with rigs start first and unit tests last: no process is left with a long test."""
    items.sort(key=lambda item: (not uses_rigs(item.location[0]), "/unit/" in item.location[0]))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log):
    """With `--dist loadfile` the tests of one file run in one process and share its fixtures.

    All files with rigs count as one. They share the package manager and the ports of the machine,
    so they never run at once, but beside others: most of their time is waiting.
    """
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return "rigs" if uses_rigs(file) else file

    return ByFile(config, log)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Tiny:
    from critical_batch.data.packed import PackedDataset
    from critical_batch.data.packing import write_packed
    from critical_batch.data.reader import array_source
    from critical_batch.metrics.features.classifier import (
        load_classifier,
        save_classifier,
        train_classifier,
    )
    from critical_batch.metrics.features.loading import statistics_key
    from critical_batch.metrics.features.settings import FeatureSettings
    from critical_batch.metrics.frechet import Moments, Reference

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
    classifier = FeatureSettings("classifier")
    weights = folder / "classifier.safetensors"
    key = statistics_key(dataset.manifest, classifier, weights, "fixed")
    Reference.of(moments, key).save(folder / "reference.npz")
    return Tiny(folder, folder / "classifier.safetensors", folder / "reference.npz")
