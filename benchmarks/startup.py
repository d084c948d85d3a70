"""What a training job costs besides its training: one of a single step, against `import torch`."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from critical_batch.data.packed import PackedDataset
from critical_batch.data.packing import write_packed
from critical_batch.data.reader import array_source
from critical_batch.metrics.features.classifier import (
    load_classifier,
    save_classifier,
    train_classifier,
)
from critical_batch.metrics.features.loading import statistics_key
from critical_batch.metrics.frechet import Moments, Reference
from jobs import JOB
from timing import Row, compare


def measure(quick: bool) -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        command = _job(Path(name))

        def run(*words: str) -> None:
            subprocess.run([sys.executable, *words], check=True, capture_output=True)

        candidates = {
            "training job of one step": lambda: run(*command),
            "import torch": lambda: run("-c", "import torch"),
        }
        return compare("start", "one process", candidates, 1 if quick else 9)


def _job(folder: Path) -> list[str]:
    """Arguments of a training job on a small data set, made here."""
    folder = folder / "benchmark"  # as the data set is called
    random = np.random.default_rng(0)
    labels = np.arange(60) % 3
    images = random.integers(0, 80, (60, 16, 16, 1)) + 80 * labels[:, None, None, None]
    source = array_source(images.astype(np.uint8), labels, ["a", "b", "c"], (16, 16, 1))
    write_packed(folder, {"name": "benchmark", "kind": "generated"}, source)
    data = PackedDataset.open(folder)
    network, _ = train_classifier(data.images, data.labels, 3, seed=0, epochs=1)
    save_classifier(network, folder / "classifier.safetensors")
    network = load_classifier(folder / "classifier.safetensors")
    moments = Moments(network.dimensions)
    pixels = torch.from_numpy(np.array(data.images)).permute(0, 3, 1, 2)
    moments.update(network.features(pixels))
    fid, weights = JOB.fid, folder / "classifier.safetensors"
    key = statistics_key(data.manifest, fid.network, weights, fid.pixel_map)
    Reference.of(moments, key).save(folder / "reference.npz")
    options = {
        "--settings": json.dumps(JOB.to_json()),
        "--data-dir": folder,
        "--weights": folder / "classifier.safetensors",
        "--reference": folder / "reference.npz",
        "--state": folder / "state" / "state.pt",
        "--history": folder / "history.csv",
        "--run": folder / "run.json",
        "--samples": folder / "samples.png",
        "--generators": folder / "generators.safetensors",
    }
    script = Path(__file__).parents[1] / "workflow/scripts/train_gan.py"
    return [str(script), *(str(word) for pair in options.items() for word in pair)]
