"""Scores of generators: of how many samples, and that a first look changes no score in full."""

import math

import pytest
import torch
from conftest import SETTINGS
from ttur.data.packed import PackedDataset
from ttur.features import load_features
from ttur.frechet import Reference
from ttur.networks import build
from ttur.training.labels import SampleLabels
from ttur.training.scoring import PIECE, FirstLook, Score, Scoring

CPU = torch.device("cpu")
STREAMS = [(seed, "evaluation", 7) for seed in range(3)]
FEW, ALL = 100, PIECE + 80


@pytest.fixture
def scoring(tiny):
    classes = PackedDataset.open(tiny.data_dir).manifest["classes"]
    features = load_features({"features": "classifier"}, tiny.weights, CPU)
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
    network, _ = build(SETTINGS["networks"], 16, 1, 3, [0, 1, 2])
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
