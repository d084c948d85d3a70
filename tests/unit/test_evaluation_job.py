"""What scripts that evaluate finished generators are told, and what they open from it."""

import argparse
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import SETTINGS, job_of
from critical_batch.data.packed import PackedDataset
from critical_batch.data.packing import write_packed
from critical_batch.data.reader import array_source
from critical_batch.metrics.features.classifier import Classifier, save_classifier
from critical_batch.metrics.features.loading import statistics_key
from critical_batch.metrics.features.settings import FeatureSettings
from critical_batch.metrics.frechet import Moments, Reference
from critical_batch.runtime.errors import UserError
from critical_batch.training import evaluation_job
from critical_batch.training.evaluation_job import (
    add_evaluation_options,
    open_evaluator,
    recorded_job,
)

CLASSIFIER = FeatureSettings("classifier")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Options that name six images of two classes, an untrained classifier and a reference."""
    folder = tmp_path_factory.mktemp("evaluation") / "small"
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (6, 8, 8, 1), dtype=np.uint8)
    source = array_source(images, np.array([0, 0, 1, 0, 0, 0]), ["a", "b"], (8, 8, 1))
    write_packed(folder, {"name": "small", "kind": "generated"}, source)
    network = Classifier(8, 1, 2)
    save_classifier(network, folder / "classifier.safetensors")
    moments = Moments(network.dimensions)
    moments.update(network.features(torch.from_numpy(images).permute(0, 3, 1, 2)))
    manifest = PackedDataset.open(folder).manifest
    for pixel_map in ("fixed", "stretch"):
        key = statistics_key(manifest, CLASSIFIER, folder / "classifier.safetensors", pixel_map)
        Reference.of(moments, key).save(folder / f"{pixel_map}.npz")
    return {
        "--data-dir": folder,
        "--weights": folder / "classifier.safetensors",
        "--reference": folder / "fixed.npz",
    }


def parsed(files, *words):
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_evaluation_options(parser)
    return parser.parse_args([*(str(word) for pair in files.items() for word in pair), *words])


def test_paths_are_needed_and_the_rest_has_defaults(files, capsys):
    arguments = parsed(files)
    assert vars(arguments) == {
        "data_dir": files["--data-dir"],
        "weights": files["--weights"],
        "reference": files["--reference"],
        "threads": 1,
        "device": "cpu",
    }
    assert all(isinstance(path, Path) for path in list(vars(arguments).values())[:3])
    arguments = parsed(files, "--threads", "3", "--device", "cuda")
    assert (arguments.threads, arguments.device) == (3, "cuda")
    for name in files:
        with pytest.raises((argparse.ArgumentError, SystemExit)):
            parsed({key: value for key, value in files.items() if key != name})
    with pytest.raises((argparse.ArgumentError, SystemExit)):
        parsed(files, "--device", "tpu")


@pytest.fixture
def machine(monkeypatch):
    """What is asked of the allocator and of torch, in place of doing it."""
    asked = []
    monkeypatch.setattr(evaluation_job, "keep_freed_memory", lambda: asked.append("memory"))
    monkeypatch.setattr(torch, "set_num_threads", lambda count: asked.append(count))
    return asked


@pytest.mark.parametrize("pixel_map", ["fixed", "stretch"])
def test_generators_are_evaluated_as_in_their_training(files, machine, pixel_map):
    settings = SETTINGS | {"fid": SETTINGS["fid"] | {"pixel_map": pixel_map}}
    words = files | {"--reference": files["--data-dir"] / f"{pixel_map}.npz"}
    evaluator, manifest = open_evaluator(parsed(words, "--threads", "2"), job_of(settings))
    assert manifest == PackedDataset.open(files["--data-dir"]).manifest
    assert isinstance(evaluator.features, Classifier)
    assert (evaluator.pixel_map, evaluator.latent) == (pixel_map, 8)
    assert evaluator.device == torch.device("cpu")
    reference = Reference.load(words["--reference"])
    assert evaluator.distances["fid"].reference.key == reference.key
    assert machine == ["memory", 2]


@pytest.mark.parametrize(("labels", "share"), [("data", 1 / 6), ("uniform", 0.5), (None, 0.5)])
def test_labels_are_those_of_the_job_and_uniform_before_there_was_a_choice(
    files, machine, labels, share
):
    settings = {key: value for key, value in SETTINGS.items() if key != "labels"}
    settings |= {"labels": labels} if labels else {}
    evaluator, _ = open_evaluator(parsed(files), recorded_job({"settings": settings}))
    drawn = evaluator.labels.draw((3000,), torch.Generator().manual_seed(0))
    assert (drawn == 1).float().mean().item() == pytest.approx(share, abs=0.03)


def test_what_does_not_belong_together_is_one_line(files, machine):
    def refused(words, **changes):
        with pytest.raises(UserError) as error:
            open_evaluator(parsed(words), job_of(SETTINGS | changes))
        return str(error.value)

    assert refused(files, batch_size=7) == (
        "experiments.tiny.batch_sizes: 7 is above the 6 images of small: use at most 6"
    )
    other = files["--data-dir"] / "stretch.npz"
    assert refused(files | {"--reference": other}) == (
        f"{other} belongs to other data, feature weights or pixel map: delete it and run again"
    )
