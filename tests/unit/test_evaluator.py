"""Evaluations of generators: of how many samples, and that a first look changes none in full."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import SETTINGS
from critical_batch.data.labels import SampleLabels
from critical_batch.data.packed import PackedDataset
from critical_batch.data.shape import ImageShape
from critical_batch.metrics import METRICS, Distance
from critical_batch.metrics.evaluator import PIECE, Evaluation, Evaluator, FirstLook, generate
from critical_batch.metrics.features.loading import load_features
from critical_batch.metrics.features.settings import FeatureSettings
from critical_batch.metrics.frechet import Reference
from critical_batch.metrics.pixels import to_uint8
from critical_batch.networks.build import build
from critical_batch.runtime.streams import generator as random_stream

CPU = torch.device("cpu")
STREAMS = [(seed, "evaluation", 7) for seed in range(3)]
FEW, ALL = 100, PIECE + 80


@pytest.fixture
def evaluator(tiny):
    classes = PackedDataset.open(tiny.data_dir).manifest["classes"]
    features = load_features(FeatureSettings("classifier"), tiny.weights, CPU)
    latent = SETTINGS["networks"]["latent"]
    return Evaluator(
        features,
        {"fid": Distance.of("fid", {}, Reference.load(tiny.reference))},
        "fixed",
        latent,
        SampleLabels.uniform(classes),
        CPU,
    )


@pytest.fixture
def generator():
    network, _ = build(SETTINGS["networks"], ImageShape(16, 1, 3), [0, 1, 2])
    with torch.no_grad():  # generators that differ
        for parameter in network.parameters():
            parameter += torch.tensor([0.0, 0.1, 0.2]).view(-1, *[1] * (parameter.dim() - 1))
    return network


def test_an_evaluation_is_of_exactly_the_samples_asked_for(evaluator, generator, monkeypatch):
    counted = []

    class Counting:
        dimensions = evaluator.features.dimensions

        @staticmethod
        def features(images):
            counted.append(len(images))
            return real.features(images)

    real = evaluator.features
    object.__setattr__(evaluator, "features", Counting)
    found = evaluator.evaluate(generator, STREAMS, ALL)
    assert [each.samples for each in found] == [ALL] * 3
    assert sum(counted) == 3 * ALL


def test_a_first_look_that_settles_nothing_changes_nothing(evaluator, generator):
    full = evaluator.evaluate(generator, STREAMS, ALL)
    # A first look of whole pieces; of others the pieces differ, and with them the rounding.
    assert evaluator.evaluate(generator, STREAMS, ALL, FirstLook(PIECE, "fid", math.inf)) == full
    again = evaluator.evaluate(generator, STREAMS, ALL, FirstLook(FEW, "fid", math.inf))
    assert [each.samples for each in again] == [ALL] * 3
    expected = [each.values["fid"] for each in full]
    assert [each.values["fid"] for each in again] == pytest.approx(expected, rel=1e-4)


def test_a_first_look_above_its_ceiling_stands(evaluator, generator):
    few = evaluator.evaluate(generator, STREAMS, FEW)
    assert evaluator.evaluate(generator, STREAMS, ALL, FirstLook(FEW, "fid", 0.0)) == few
    assert [each.samples for each in few] == [FEW] * 3


def test_each_replica_is_settled_by_its_own_look(evaluator, generator):
    few, full = (evaluator.evaluate(generator, STREAMS, count) for count in (FEW, ALL))
    best = min(range(3), key=lambda replica: few[replica].values["fid"])
    ceiling = few[best].values["fid"]
    mixed = evaluator.evaluate(generator, STREAMS, ALL, FirstLook(FEW, "fid", ceiling))
    for replica in range(3):
        if replica != best:
            assert mixed[replica] == few[replica]
    assert mixed[best].samples == ALL
    assert mixed[best].values["fid"] == pytest.approx(full[best].values["fid"], rel=1e-4)


def test_a_replica_that_is_not_finite_is_settled_at_once(evaluator, generator):
    with torch.no_grad():
        next(generator.parameters())[1] = math.nan
    found = evaluator.evaluate(generator, STREAMS, ALL, FirstLook(FEW, "fid", math.inf))
    assert math.isnan(found[1].values["fid"])
    assert [each.samples for each in found] == [ALL, FEW, ALL]


def test_a_first_look_of_all_samples_is_the_evaluation(evaluator, generator):
    full = evaluator.evaluate(generator, STREAMS, FEW)
    assert evaluator.evaluate(generator, STREAMS, FEW, FirstLook(FEW, "fid", 0.0)) == full
    assert isinstance(full[0], Evaluation)


# ------------------------------------------------------------------------------------------ by hand


class Shown:
    """A feature network: the first two pixels. Keeps what it was shown."""

    dimensions = 2

    def __init__(self):
        self.images = []

    def features(self, images):
        assert not torch.is_grad_enabled()
        self.images.append(images)
        return images[:, 0, 0, :2].float()


class Moments:
    """A reference: the sum of the mean, with what it was asked for."""

    def __init__(self):
        self.asked = []

    def distance(self, mean, covariance):
        self.asked.append((mean, covariance))
        return float(mean.sum())


class Plain(torch.nn.Module):
    """Images of 1x1x3: two latents and the label, with a weight per replica. Keeps its inputs."""

    def __init__(self, *weights):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(weights)[:, None])
        self.sizes, self.modes = [], []

    def forward(self, latents, labels):
        self.sizes.append(len(latents))
        self.modes.append(self.training)
        pixels = torch.cat([latents[:, :2], labels - 1.0], dim=1) * self.weight
        return pixels[:, None, None]


def by_hand(labels=None):
    features, reference = Shown(), Moments()
    labels = labels or SampleLabels([3, 1])
    distances = {"fid": Distance.of("fid", {}, reference)}
    return Evaluator(features, distances, "fixed", 2, labels, CPU), features, reference


def inputs(seed, *counts):
    """Latents and labels of stream (seed, evaluation, 7), drawn so many at a time."""
    random, latents, labels = random_stream(seed, "evaluation", 7), [], []
    for count in counts:
        latents.append(torch.randn(count, 2, generator=random))
        labels.append(SampleLabels([3, 1]).draw((count, 1), random))
    return torch.cat(latents), torch.cat(labels)


@pytest.mark.parametrize("first", [None, 2, 60, 499, 500, 501, 1100, 1129, 1130, 2000])
def test_samples_are_those_of_their_stream_wherever_a_first_look_ends(first):
    """Drawn 500 at a time, passed 250 at a time at most, all of them once."""
    evaluator, features, reference = by_hand()
    network = Plain(0.1, 0.2)
    look = first and FirstLook(first, "fid", math.inf)
    found = evaluator.evaluate(network, STREAMS[:2], 1130, look)
    looks = 1 + (first is not None and first < 1130)
    assert len(reference.asked) == 2 * looks
    shown = torch.cat(features.images).split(1130)
    for replica, each in enumerate(found):
        latents, labels = inputs(replica, 500, 500, 130)
        images = torch.cat([latents, labels - 1.0], dim=1) * (replica + 1) / 10
        images = to_uint8(images[:, None, None], "fixed")
        assert torch.equal(shown[replica], images)
        pixels = images[:, 0, 0, :2].double()
        mean, covariance = reference.asked[looks * (replica + 1) - 1]
        torch.testing.assert_close(mean, pixels.mean(0))
        torch.testing.assert_close(covariance, pixels.T.cov())
        assert each == Evaluation({"fid": pytest.approx(float(pixels.mean(0).sum()))}, 1130)
        if looks > 1:
            torch.testing.assert_close(reference.asked[2 * replica][0], pixels[:first].mean(0))
    if first is None:
        assert network.sizes == 2 * [250, 250, 250, 250, 130]


def test_a_look_at_its_ceiling_settles_nothing_and_one_above_does():
    evaluator, features, _ = by_hand()
    (few,) = evaluator.evaluate(Plain(0.5), STREAMS[:1], 64)
    features.images.clear()
    for ceiling, samples in ((few.values["fid"], 80), (np.nextafter(few.values["fid"], 0), 64)):
        (each,) = evaluator.evaluate(Plain(0.5), STREAMS[:1], 80, FirstLook(64, "fid", ceiling))
        assert each.samples == samples
    assert each == few
    assert list(map(len, features.images)) == [64, 16, 64]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_an_image_that_is_no_number_ends_an_evaluation_before_the_features(value):
    evaluator, features, reference = by_hand()
    found = evaluator.evaluate(Plain(0.1, value), STREAMS[:2], 60)
    assert [each.samples for each in found] == [60, 60]
    assert math.isnan(found[1].values["fid"])
    assert (len(features.images), len(reference.asked)) == (1, 1)


@pytest.mark.parametrize("training", [True, False])
def test_samples_are_of_evaluation_mode_without_gradient_and_the_mode_stays(training):
    network = Plain(0.1, 0.3).train(training)
    latents, labels = inputs(0, 5)
    images = generate(network, 1, (latents, labels))
    expected = torch.cat([latents, labels - 1.0], dim=1) * 0.3
    assert torch.equal(images[:, 0, 0], expected)
    assert not images.requires_grad
    assert (network.modes, network.training) == ([False], training)


class Mean:
    """The distance of a metric that was made up: the mean feature. Counts the samples it is of."""

    def __init__(self):
        self.counts = []

    def distance(self, real, generated, settings):
        self.counts.append(generated.count)
        return float(generated.mean.mean())


def with_another_metric(monkeypatch):
    """An evaluator by the FID and by `mean`, which was made up, and the features that it showed."""
    evaluator, features, reference = by_hand()
    mean = Mean()
    fid = METRICS["fid"]
    monkeypatch.setitem(METRICS, "mean", replace(fid, label="mean", distance=mean.distance))
    both = evaluator.distances | {"mean": Distance.of("mean", {}, reference)}
    return replace(evaluator, distances=both), features, mean


def test_other_metrics_are_of_the_same_images_which_pass_the_features_once(monkeypatch):
    evaluator, features, mean = with_another_metric(monkeypatch)
    (found,) = evaluator.evaluate(Plain(0.3), STREAMS[:1], 1130)
    assert (list(found.values), found.samples) == (["fid", "mean"], 1130)
    assert sum(map(len, features.images)) == 1130
    pixels = torch.cat(features.images)[:, 0, 0, :2].double()
    assert found.values["mean"] == pytest.approx(float(pixels.mean()))
    assert found.values["fid"] == pytest.approx(float(pixels.mean(0).sum()))
    assert mean.counts == [1130]


@pytest.mark.parametrize("metric", ["fid", "mean"])
def test_a_first_look_of_one_metric_settles_all_other_metrics(monkeypatch, metric):
    evaluator, features, mean = with_another_metric(monkeypatch)
    (few,) = evaluator.evaluate(Plain(0.3), STREAMS[:1], 64)
    for settled in (True, False):
        features.images.clear()
        mean.counts.clear()
        ceiling = few.values[metric] - 1 if settled else few.values[metric]
        look = FirstLook(64, metric, ceiling)
        (found,) = evaluator.evaluate(Plain(0.3), STREAMS[:1], 80, look)
        assert (found == few) == settled
        assert found.samples == sum(map(len, features.images)) == (64 if settled else 80)
        # What does not decide is measured once, at the end.
        assert mean.counts[-1] == found.samples
        assert len(mean.counts) == (1 if settled or metric == "fid" else 2)


def test_an_image_that_is_no_number_has_no_distance_by_other_metrics_too(monkeypatch):
    evaluator, *_ = with_another_metric(monkeypatch)
    (found,) = evaluator.evaluate(Plain(math.nan), STREAMS[:1], 60)
    assert list(found.values) == ["fid", "mean"]
    assert all(map(math.isnan, found.values.values()))
