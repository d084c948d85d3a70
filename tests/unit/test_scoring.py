"""Scores of generators: of how many samples, and that a first look changes no score in full."""

import math

import numpy as np
import pytest
import torch
from conftest import SETTINGS
from ttur.data.packed import PackedDataset
from ttur.data.shape import ImageShape
from ttur.feature_settings import FeatureSettings
from ttur.features import load_features
from ttur.frechet import Reference
from ttur.networks.build import build
from ttur.pixels import to_uint8
from ttur.streams import generator as random_stream
from ttur.training.labels import SampleLabels
from ttur.training.scoring import PIECE, FirstLook, Score, Scoring, generate

CPU = torch.device("cpu")
STREAMS = [(seed, "evaluation", 7) for seed in range(3)]
FEW, ALL = 100, PIECE + 80


@pytest.fixture
def scoring(tiny):
    classes = PackedDataset.open(tiny.data_dir).manifest["classes"]
    features = load_features(FeatureSettings("classifier"), tiny.weights, CPU)
    latent = SETTINGS["networks"]["latent"]
    return Scoring(
        features,
        Reference.load(tiny.reference),
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


def test_a_score_is_of_exactly_the_samples_asked_for(scoring, generator, monkeypatch):
    counted = []

    class Counting:
        dimensions = scoring.features.dimensions

        @staticmethod
        def features(images):
            counted.append(len(images))
            return real.features(images)

    real = scoring.features
    object.__setattr__(scoring, "features", Counting)
    scores = scoring.scores(generator, STREAMS, ALL)
    assert [score.samples for score in scores] == [ALL] * 3
    assert sum(counted) == 3 * ALL


def test_a_first_look_that_settles_nothing_changes_nothing(scoring, generator):
    full = scoring.scores(generator, STREAMS, ALL)
    # A first look of whole pieces; of others the pieces differ, and with them the rounding.
    assert scoring.scores(generator, STREAMS, ALL, FirstLook(PIECE, math.inf)) == full
    again = scoring.scores(generator, STREAMS, ALL, FirstLook(FEW, math.inf))
    assert [score.samples for score in again] == [ALL] * 3
    expected = [score.distance for score in full]
    assert [score.distance for score in again] == pytest.approx(expected, rel=1e-4)


def test_a_first_look_above_its_ceiling_stands(scoring, generator):
    few = scoring.scores(generator, STREAMS, FEW)
    assert scoring.scores(generator, STREAMS, ALL, FirstLook(FEW, 0.0)) == few
    assert [score.samples for score in few] == [FEW] * 3


def test_each_replica_is_settled_by_its_own_look(scoring, generator):
    few, full = (scoring.scores(generator, STREAMS, count) for count in (FEW, ALL))
    best = min(range(3), key=lambda replica: few[replica].distance)
    ceiling = few[best].distance
    mixed = scoring.scores(generator, STREAMS, ALL, FirstLook(FEW, ceiling))
    for replica in range(3):
        if replica != best:
            assert mixed[replica] == few[replica]
    assert mixed[best].samples == ALL
    assert mixed[best].distance == pytest.approx(full[best].distance, rel=1e-4)


def test_a_replica_that_is_not_finite_is_settled_at_once(scoring, generator):
    with torch.no_grad():
        next(generator.parameters())[1] = math.nan
    scores = scoring.scores(generator, STREAMS, ALL, FirstLook(FEW, math.inf))
    assert math.isnan(scores[1].distance)
    assert [score.samples for score in scores] == [ALL, FEW, ALL]


def test_a_first_look_of_all_samples_is_the_score(scoring, generator):
    full = scoring.scores(generator, STREAMS, FEW)
    assert scoring.scores(generator, STREAMS, FEW, FirstLook(FEW, 0.0)) == full
    assert isinstance(full[0], Score)


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
    return Scoring(features, reference, "fixed", 2, labels, CPU), features, reference


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
    scoring, features, reference = by_hand()
    network = Plain(0.1, 0.2)
    look = first and FirstLook(first, math.inf)
    scores = scoring.scores(network, STREAMS[:2], 1130, look)
    looks = 1 + (first is not None and first < 1130)
    assert len(reference.asked) == 2 * looks
    shown = torch.cat(features.images).split(1130)
    for replica, score in enumerate(scores):
        latents, labels = inputs(replica, 500, 500, 130)
        images = torch.cat([latents, labels - 1.0], dim=1) * (replica + 1) / 10
        images = to_uint8(images[:, None, None], "fixed")
        assert torch.equal(shown[replica], images)
        pixels = images[:, 0, 0, :2].double()
        mean, covariance = reference.asked[looks * (replica + 1) - 1]
        torch.testing.assert_close(mean, pixels.mean(0))
        torch.testing.assert_close(covariance, pixels.T.cov())
        assert score == Score(pytest.approx(float(pixels.mean(0).sum())), 1130)
        if looks > 1:
            torch.testing.assert_close(reference.asked[2 * replica][0], pixels[:first].mean(0))
    if first is None:
        assert network.sizes == 2 * [250, 250, 250, 250, 130]


def test_a_look_at_its_ceiling_settles_nothing_and_one_above_does():
    scoring, features, _ = by_hand()
    (few,) = scoring.scores(Plain(0.5), STREAMS[:1], 64)
    features.images.clear()
    for ceiling, samples in ((few.distance, 80), (np.nextafter(few.distance, 0), 64)):
        (score,) = scoring.scores(Plain(0.5), STREAMS[:1], 80, FirstLook(64, ceiling))
        assert score.samples == samples
    assert score == few
    assert list(map(len, features.images)) == [64, 16, 64]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_an_image_that_is_no_number_ends_a_score_before_the_features(value):
    scoring, features, reference = by_hand()
    scores = scoring.scores(Plain(0.1, value), STREAMS[:2], 60)
    assert [score.samples for score in scores] == [60, 60]
    assert math.isnan(scores[1].distance)
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
