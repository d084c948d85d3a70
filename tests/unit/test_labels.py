"""Generated images have the classes of the data, as often: in training and in evaluations."""

import csv
import math
import sys
from pathlib import Path

import evaluate_runs
import measure_fid_noise
import numpy as np
import pytest
import torch
import train_gan
from conftest import SETTINGS, Tiny, job_of
from critical_batch.data.idx import read_idx
from critical_batch.data.labels import SampleLabels
from critical_batch.data.packed import PackedDataset
from critical_batch.data.packing import write_packed
from critical_batch.data.reader import array_source
from critical_batch.metrics import Distance
from critical_batch.metrics.evaluator import PIECE, Evaluator, draw, generate
from critical_batch.metrics.features.classifier import train_classifier
from critical_batch.metrics.features.loading import load_features, statistics_key
from critical_batch.metrics.features.settings import FeatureSettings
from critical_batch.metrics.frechet import Moments, Reference
from critical_batch.metrics.pixels import to_uint8, write_grid
from critical_batch.metrics.saved_generators import load_generators
from critical_batch.runs.record import read_record, write_record
from critical_batch.runtime.files import write_json
from critical_batch.runtime.streams import generator as random_stream
from critical_batch.training import step
from critical_batch.training.data import TrainingData
from critical_batch.training.gradient_noise import IndependentInputs, ProbePlan, probe
from critical_batch.training.images import ImageStore
from critical_batch.training.inputs import TrainingInputs
from safetensors.torch import load_file, save_file
from test_step import BIGGAN
from test_training import train_tiny
from torch import nn
from training_runs import settings_with

CPU = torch.device("cpu")
FASHION = Path("resources/fashion-mnist")


def random(seed=0):
    return torch.Generator().manual_seed(seed)


# ------------------------------------------------------------------------------------------- draws


@pytest.mark.parametrize("counts", [[1] * 10, [1000] * 10, [500], [6, 6, 6]])
def test_equally_frequent_classes_are_drawn_as_plain_uniform_labels(counts):
    mine, plain = random(3), random(3)
    drawn = SampleLabels(counts).draw((128, 5, 1), mine)
    assert torch.equal(drawn, torch.randint(len(counts), (128, 5, 1), generator=plain))
    assert drawn.dtype == torch.int64
    assert torch.equal(torch.randn(9, generator=mine), torch.randn(9, generator=plain))


def test_data_without_classes_are_drawn_as_one_class():
    for kind in ("data", "uniform"):
        labels = SampleLabels.of(kind, np.full(20, -1), 0)
        assert labels.draw((7, 1), random()).tolist() == [[0]] * 7


def test_uniform_labels_are_equally_frequent_whatever_the_data():
    lopsided = np.repeat([0, 1, 2], [900, 93, 7])
    drawn = SampleLabels.of("uniform", lopsided, 3).draw((30_000,), random()).bincount()
    assert (drawn - 10_000).abs().max() < 500
    assert (
        SampleLabels.of("uniform", np.zeros(9, int), 1).draw((50,), random()).tolist() == [0] * 50
    )


def test_frequencies_are_those_of_the_data_to_the_last_image(monkeypatch):
    labels = np.repeat([0, 2, 3], [5, 90, 10])
    source = SampleLabels.of("data", labels, 5)

    def every_number_once(high, shape, generator):
        assert high == 21  # 105 images, less their common divisor
        return torch.arange(high).view(shape)

    monkeypatch.setattr(torch, "randint", every_number_once)
    drawn = source.draw((21, 1), random())
    assert drawn.flatten().bincount(minlength=5).tolist() == [1, 0, 18, 2, 0]


def test_drawn_frequencies_follow_the_counts():
    labels = np.repeat([0, 1, 3], [900, 93, 7])
    drawn = SampleLabels.of("data", labels, 4).draw((200_000,), random()).bincount(minlength=4)
    for count, probability in zip(drawn.tolist(), [0.9, 0.093, 0, 0.007], strict=True):
        deviation = math.sqrt(200_000 * probability * (1 - probability))
        assert abs(count - 200_000 * probability) <= 4 * deviation


def test_the_switch_changes_labels_and_never_latents():
    inputs = {}
    for counts in ([1, 1, 1], [900, 93, 7]):
        stream = random_stream(4, "evaluation", 9)
        pieces = [draw(6, SampleLabels(counts), PIECE, stream) for _ in range(3)]
        inputs[tuple(counts)] = [torch.cat(parts) for parts in zip(*pieces, strict=True)]
    (latents, uniform), (same, lopsided) = inputs.values()
    assert torch.equal(latents, same)
    assert uniform.flatten().bincount().min() > 0.3 * 3 * PIECE
    assert 0.87 < (lopsided == 0).float().mean() < 0.93


def test_every_draw_of_a_training_follows_the_counts():
    images = ImageStore(np.zeros((40, 4, 4, 1), dtype=np.uint8), CPU)
    labels = torch.arange(40) % 2
    data = TrainingData(images, labels, SampleLabels([1, 3]))
    job = job_of(settings_with(batch_size=8))
    for source in (
        TrainingInputs(data, job, (0, 1)),
        IndependentInputs(data, job, (0, 1), stage=10),
    ):
        drawn = torch.cat([source.latents(counter)[1] for counter in range(300)])
        assert drawn.shape == (2400, 2)
        assert (drawn.float().mean(0) - 0.75).abs().max() < 0.04


# ----------------------------------------------------------------------------- a perfect generator


class RealImages(nn.Module):
    """A perfect generator: a real image of the class that is asked for, which the latent picks."""

    def __init__(self, images, labels):
        super().__init__()
        scaled = torch.from_numpy(np.array(images)).permute(0, 3, 1, 2) / 127.5 - 1
        self.classes = [scaled[torch.from_numpy(labels == k)] for k in range(labels.max() + 1)]

    def forward(self, latents, labels):
        picked = torch.special.ndtr(latents[:, 0]).mul(0.999999)
        return torch.stack(
            [
                self.classes[label][int(share * len(self.classes[label]))]
                for share, label in zip(picked.tolist(), labels.flatten().tolist(), strict=True)
            ]
        )


@pytest.mark.parametrize(("counts", "alike"), [((900, 100), False), ((900, 900), True)])
def test_a_perfect_generator_scores_as_the_data_do(counts, alike):
    """Real Fashion-MNIST images of two classes in its place, 2,000 of them."""
    every = read_idx(FASHION / "t10k-labels-idx1-ubyte.gz", (10_000,), 9)
    chosen = [np.flatnonzero(every == k)[:count] for k, count in enumerate(counts)]
    chosen = np.sort(np.concatenate(chosen))
    pixels = read_idx(FASHION / "t10k-images-idx3-ubyte.gz", (10_000, 28, 28))[chosen, 2:26, 2:26]
    images = pixels.reshape(-1, 8, 3, 8, 3, 1).mean((2, 4)).astype(np.uint8)
    labels = every[chosen].astype(np.int64)
    features, _ = train_classifier(images, labels, 2, seed=0, epochs=4)
    real = Moments(features.dimensions)
    real.update(features.features(torch.from_numpy(images).permute(0, 3, 1, 2)))
    reference, generator = Reference.of(real, "two classes"), RealImages(images, labels)
    found = {}
    for kind in ("data", "uniform"):
        sampled = SampleLabels.of(kind, labels, 2)
        distances = {"fid": Distance.of("fid", {}, reference)}
        evaluator = Evaluator(features, distances, "fixed", 4, sampled, CPU)
        (evaluation,) = evaluator.evaluate(generator, [(0, "evaluation", 1)], 2000)
        found[kind] = evaluation.values["fid"]
    print(found)
    assert found["data"] < 1
    if alike:
        assert found["uniform"] == found["data"]
    else:
        assert found["uniform"] > 20


# ------------------------------------------------------------------ the switch reaches every reader


@pytest.fixture(scope="module")
def lopsided(tiny, tmp_path_factory) -> Tiny:
    """60 images of the first of two classes: the second is in the manifest only."""
    folder = tmp_path_factory.mktemp("prepared") / "lopsided"
    images = np.random.default_rng(0).integers(0, 200, (60, 16, 16, 1)).astype(np.uint8)
    source = array_source(images, np.zeros(60, dtype=np.int64), ["a"], (16, 16, 1))
    manifest = write_packed(folder, {"name": "lopsided", "kind": "generated"}, source)
    manifest |= {"classes": 2, "class_names": ["a", "b"], "class_counts": [60, 0]}
    write_json(folder / "manifest.json", manifest)
    features = load_features(FeatureSettings("classifier"), tiny.weights, CPU)
    moments = Moments(features.dimensions)
    moments.update(features.features(torch.from_numpy(images).permute(0, 3, 1, 2)))
    key = statistics_key(manifest, FeatureSettings("classifier"), tiny.weights, "fixed")
    Reference.of(moments, key).save(folder / "reference.npz")
    return Tiny(folder, tiny.weights, folder / "reference.npz")


def called(script, monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["script", *map(str, words)])
    script.main()


def settings_of(kind, **changes):
    biggan = {key: BIGGAN[key] for key in ("networks", "objective", "latent_reuse")}
    few = {"seeds": [0], "limits": {"steps": 4, "samples": None}}
    grid = {"grid": {"kind": "linear", "every": 2}}
    return settings_with(grid, **{**biggan, **few, "labels": kind, **changes})


def spoil_the_second_class(generator):
    """Images of the second class are no numbers from now on."""
    with torch.no_grad():
        generator.shared.weight[:, 1] = math.nan


@pytest.fixture
def spoiled(monkeypatch):
    """Networks whose second class nobody may ask for."""
    build = step.build_networks

    def build_and_spoil(*arguments):
        pair = build(*arguments)
        spoil_the_second_class(pair[0])
        return pair

    monkeypatch.setattr(step, "build_networks", build_and_spoil)


@pytest.mark.parametrize(("kind", "status"), [("data", "step-limit"), ("uniform", "diverged")])
def test_training_and_its_evaluations_ask_for_the_classes_of_the_data(
    lopsided, tmp_path, spoiled, kind, status
):
    progress = train_tiny(lopsided, tmp_path, settings_of(kind))
    assert progress.results[0].status == status


def test_networks_without_classes_see_nothing_of_the_switch(lopsided, tmp_path):
    dcgan = {key: SETTINGS[key] for key in ("networks", "objective", "latent_reuse")}
    histories = []
    for kind in ("data", "uniform"):
        histories.append(train_tiny(lopsided, tmp_path / kind, settings_of(kind, **dcgan)).rows)
    assert histories[0] == histories[1]
    assert len(histories[0]) == 2 * 5


@pytest.mark.parametrize("kind", ["data", "uniform"])
def test_the_gradient_noise_is_of_the_classes_of_the_data(lopsided, spoiled, kind):
    dataset = PackedDataset.open(lopsided.data_dir)
    rows = list(probe(job_of(settings_of(kind)), dataset, ProbePlan((2,), 3), CPU))
    assert {row["player"] for row in rows} == {"generator", "discriminator"}
    assert {row["trace"] is None for row in rows} == {kind == "uniform"}


@pytest.fixture(scope="module")
def finished(lopsided, tmp_path_factory):
    """Finished jobs whose second class is spoiled: by the switch, and from before there was one."""
    folder = tmp_path_factory.mktemp("runs")

    def run(kind):
        job = folder / kind / "b4" / "seeds_0"
        with pytest.MonkeyPatch.context() as patch:
            settings = settings_of("uniform" if kind == "before" else kind)
            called(train_gan, patch, *lopsided.command(job, settings))
        path = job / "generators.safetensors"
        tensors = load_file(path)
        tensors["0.shared.weight"][1] = math.nan
        save_file(tensors, path)
        record = {k: v for k, v in read_record(job / "run.json").items() if k != "files"}
        if kind == "before":
            del record["settings"]["labels"]
        write_record(job / "run.json", record, [path])
        return job

    return {kind: run(kind) for kind in ("data", "uniform", "before")}


@pytest.mark.parametrize("kind", ["data", "uniform", "before"])
def test_scores_after_training_are_of_the_classes_of_the_data(
    lopsided, finished, tmp_path, monkeypatch, kind
):
    shared = ["--data-dir", lopsided.data_dir, "--weights", lopsided.weights]
    shared += ["--reference", lopsided.reference, "--output", tmp_path / "evaluations.csv"]
    job = finished[kind]
    rescored = ["--runs-dir", job.parents[1], "--batch-sizes", 4, "--groups", "0"]
    rescored += ["--samples", 80, "--seeds", 1]
    noise = ["--run", job / "run.json", "--generators", job / "generators.safetensors"]
    noise += ["--sample-seeds", 1]
    for script, words in ((evaluate_runs, rescored), (measure_fid_noise, noise)):
        called(script, monkeypatch, *words, *shared)
        with open(tmp_path / "evaluations.csv", newline="") as file:
            (row,) = csv.DictReader(file)
        assert math.isnan(float(row["distance"])) == (kind != "data"), script


@pytest.mark.parametrize("kind", ["data", "uniform"])
def test_the_sheet_of_samples_shows_the_classes_of_the_data(lopsided, finished, tmp_path, kind):
    run = finished[kind] / "run.json"
    record, manifest = read_record(run), PackedDataset.open(lopsided.data_dir).manifest
    path = run.with_name("generators.safetensors")
    generator = load_generators(path, run, record, manifest, [0], CPU)
    latent = record["settings"]["networks"]["latent"]
    inputs = draw(latent, SampleLabels([1]), 32, random_stream(0, "display"))  # the first class
    write_grid(tmp_path / "expected.png", to_uint8(generate(generator, 0, inputs), "fixed"), 8)
    same = (tmp_path / "expected.png").read_bytes() == run.with_name("samples.png").read_bytes()
    assert same == (kind == "data")
