"""Gradient noise where it is known, and training that does not notice being measured."""

import copy
import csv
import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from conftest import SETTINGS
from test_step import BIGGAN, start
from torch import nn
from ttur import objectives
from ttur.data.packed import PackedDataset
from ttur.errors import UserError
from ttur.networks.replicated import Network
from ttur.training.gradient_noise import (
    NOISE_COLUMNS,
    GradientMoments,
    IndependentDraws,
    ProbePlan,
    gradient_noise,
    probe,
)
from ttur.training.images import ImageStore
from ttur.training.labels import SampleLabels
from ttur.training.step import Players, train_step
from ttur.training.world import World

CPU = torch.device("cpu")
WGAN = SETTINGS | {
    "networks": SETTINGS["networks"] | {"discriminator_norm": "none"},
    "objective": {"kind": "wasserstein_gp", "penalty_weight": 10.0},
}


class Shift(Network):
    """G(z) = theta + z, one number per image: latents [b, R] -> images [b, R, 1, 1]."""

    def __init__(self, start):
        super().__init__()
        self.theta = nn.Parameter(torch.tensor(start)[:, None])

    def forward(self, latents, labels=None):
        return (latents + self.theta.flatten())[:, :, None, None]


class Line(Network):
    """D(x) = w x: images [b, R, 1, 1] -> scores [b, R]."""

    def __init__(self, slope):
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(slope)[:, None])

    def forward(self, images, labels=None):
        return images.flatten(1) * self.slope.flatten()


def linear_players(shifts, slopes):
    """Two linear players of a Wasserstein game, a replica per pair of numbers.

    D's loss is w (mean of fakes - mean of reals), so its gradient is theta + mean(z) - mean(x) and
    one sample's has variance 1 + Var(x); G's loss is -w mean(fakes), its gradient -w, without
    any noise.
    """
    generator, discriminator = Shift(shifts), Line(slopes)
    return Players(
        generator,
        discriminator,
        torch.optim.SGD(generator.parameters(), 0.1),
        torch.optim.SGD(discriminator.parameters(), 0.1),
        objectives.build({"kind": "wasserstein_gp", "penalty_weight": 0.0}),
        discriminator_steps=1,
        latent_reuse=True,
        micro_batches=1,
        average=None,
        autocast=torch.autocast("cpu", torch.bfloat16, enabled=False),
        world=World(),
    )


PIXELS = np.array([0, 255], dtype=np.uint8)[:, None, None, None]  # x is -1 or 1: mean 0, variance 1


def linear_draws(seeds, batch_size, stage=0):
    labels = torch.zeros(2, dtype=torch.int64)
    return IndependentDraws(
        ImageStore(PIXELS, CPU), labels, SampleLabels.uniform(1), seeds, batch_size, 1, stage
    )


def test_two_linear_players_have_the_noise_that_can_be_computed_by_hand():
    """Unbiased: the mean over 400 measurements lies within 4 standard errors of the truth."""
    shifts, slopes = [0.0, 1.0], [3.0, -0.5]
    players, traces, norms = linear_players(shifts, slopes), [], []
    for repetition in range(400):
        measured = gradient_noise(players, linear_draws((0, 1), 4, repetition), 5, batch_size=4)
        traces.append(measured["discriminator"][0].numpy())
        norms.append(measured["discriminator"][1].numpy())
        torch.testing.assert_close(
            measured["generator"][0], torch.zeros(2, dtype=torch.float64), atol=1e-6, rtol=0
        )
        expected = torch.tensor(slopes, dtype=torch.float64).square()
        torch.testing.assert_close(measured["generator"][1], expected)
    for found, truth in ((traces, [2.0, 2.0]), (norms, np.square(shifts))):
        mean, error = np.mean(found, axis=0), np.std(found, axis=0, ddof=1) / 20
        assert (np.abs(mean - truth) < 4 * error).all(), (mean, truth, error)
    # Neither cut off at zero nor biased: where the gradient is zero half of them are negative.
    assert 0.3 < np.mean(np.array(norms)[:, 0] < 0) < 0.8


def test_the_estimators_are_those_of_mccandlish_et_al():
    """Their appendix A.1 with a small batch of b and a big one of K b images."""
    random = np.random.default_rng(0)
    gradients = random.normal(1.0, 2.0, (6, 1, 7))
    moments = GradientMoments()
    for gradient in gradients:
        moments.add([torch.from_numpy(gradient[:, :3]), torch.from_numpy(gradient[:, 3:])])
    trace, squared_norm = moments.estimates(batch_size=8)
    small = np.square(gradients).sum(-1).mean()
    big = np.square(gradients.mean(0)).sum()
    assert squared_norm.item() == pytest.approx((48 * big - 8 * small) / (48 - 8))
    assert trace.item() == pytest.approx((small - big) / (1 / 8 - 1 / 48))


@pytest.mark.parametrize("batch_size", [2, 16])
def test_the_trace_per_sample_does_not_depend_on_the_batch_size_without_batch_norm(batch_size):
    players = linear_players([0.0], [1.0])
    trace, _ = gradient_noise(players, linear_draws((5,), batch_size), 2000, batch_size)[
        "discriminator"
    ]
    assert trace.item() == pytest.approx(2.0, rel=0.15)  # four standard deviations


@pytest.mark.parametrize(
    "settings",
    [SETTINGS, BIGGAN, WGAN, BIGGAN | {"ema": {"decay": 0.9, "start_step": 0}}],
    ids=["dcgan", "biggan", "wgan-gp", "ema"],
)
def test_training_does_not_notice_that_it_was_measured(settings):
    measured, draws = start(settings, seeds=(0, 1))
    undisturbed, same = start(settings, seeds=(0, 1))
    for step in range(6):
        if step in (2, 5):
            before = copy.deepcopy(measured.state())
            gradient_noise(measured, draws, 3, settings["batch_size"])
            assert_equal_states(measured.state(), before)
        train_step(measured, draws, step)
        train_step(undisturbed, same, step)
    assert_equal_states(measured.state(), undisturbed.state())


def assert_equal_states(one, other):
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_equal_states(one[key], other[key])
    elif torch.is_tensor(one):
        assert torch.equal(one, other)
    else:
        assert str(one) == str(other)


def test_a_replica_is_measured_alike_alone_and_in_a_group():
    tables = []
    for seeds in ((0, 1, 2), (1,)):
        players, _ = start(SETTINGS, seeds=seeds)
        images = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 1), dtype=np.uint8)
        store, labels = ImageStore(images, CPU), torch.zeros(40, dtype=torch.int64)
        draws = IndependentDraws(store, labels, SampleLabels.uniform(3), seeds, 4, 8, stage=0)
        tables.append(gradient_noise(players, draws, 4, 4))
    for player, (trace, squared_norm) in tables[1].items():
        torch.testing.assert_close(tables[0][player][0][1:2], trace, rtol=1e-4, atol=1e-8)
        torch.testing.assert_close(tables[0][player][1][1:2], squared_norm, rtol=1e-3, atol=1e-6)


def test_draws_are_independent_of_each_other_and_repeat():
    draws, again = linear_draws((0, 1), 64, stage=3), linear_draws((0, 1), 64, stage=3)
    assert torch.equal(draws.latents(5)[0], again.latents(5)[0])
    others = [draws.latents(6)[0], linear_draws((0, 1), 64, stage=4).latents(5)[0]]
    for other in others:
        assert not torch.equal(draws.latents(5)[0], other)
    assert not torch.equal(draws.latents(5)[0][:, 0], draws.latents(5)[0][:, 1])
    assert draws.mix(0).shape == (64, 2)
    assert 0 <= draws.mix(0).min() <= draws.mix(0).max() < 1
    real, labels = draws.real(0)
    assert set(real.unique().tolist()) == {-1.0, 1.0}
    assert (real.shape, labels.shape) == ((64, 2, 1, 1), (64, 2))


def test_a_probe_measures_every_seed_and_both_players_at_its_steps(tiny):
    plan = ProbePlan(steps=(2, 5), batches=3)
    rows = list(probe(SETTINGS, PackedDataset.open(tiny.data_dir), plan, CPU))
    assert all(tuple(row) == NOISE_COLUMNS for row in rows)
    keys = [(row["step"], row["player"], row["seed"]) for row in rows]
    assert keys == [
        (n, p, s) for n in (2, 5) for p in ("generator", "discriminator") for s in range(3)
    ]
    for row in rows:
        assert row["trace"] > 0
        if row["squared_norm"] > 0:
            assert row["noise_scale"] == row["trace"] / row["squared_norm"]
        else:
            assert row["noise_scale"] is None
    assert {row["parameters"] for row in rows if row["player"] == "generator"} == {
        8 * 128 + 16 + 8 * 64 + 8 + 64
    }
    assert {row["images"] for row in rows} == {60}


def test_a_diverged_replica_keeps_its_row_without_numbers(tiny):
    settings = SETTINGS | {"generator_rate": 1e30, "discriminator_rate": 1e30, "seeds": [0]}
    plan = ProbePlan(steps=(8,), batches=2)
    rows = list(probe(settings, PackedDataset.open(tiny.data_dir), plan, CPU))
    assert len(rows) == 2
    assert [row[key] for row in rows for key in ("trace", "noise_scale")] == [None] * 4


def test_the_script_writes_the_table_of_all_optimizers(tiny, tmp_path):
    jobs = [SETTINGS | {"seeds": [4]}, SETTINGS | {"seeds": [4], "optimizer": "RMSProp"}]
    jobs[1]["hyper"] = {"alpha": 0.99, "eps": 1e-8}
    settings = json.dumps({"steps": [1, 3], "batches": 2, "jobs": jobs})
    output = tmp_path / "noise.csv"
    command = [sys.executable, "workflow/scripts/probe_gradient_noise.py", "--settings", settings]
    subprocess.run([*command, "--data-dir", tiny.data_dir, "--output", output], check=True)
    rows = list(csv.DictReader(output.open()))
    assert tuple(rows[0]) == NOISE_COLUMNS
    assert [row["optimizer"] for row in rows] == ["Adam"] * 4 + ["RMSProp"] * 4


def test_a_batch_above_the_images_that_were_readable_is_one_line(tiny):
    plan = ProbePlan(steps=(2,), batches=2)
    with pytest.raises(UserError) as error:
        list(probe(SETTINGS | {"batch_size": 61}, PackedDataset.open(tiny.data_dir), plan, CPU))
    assert str(error.value) == (
        "experiments.tiny.noise_probe.batch_size: 61 is above the 60 images of tiny: use at most 60"
    )
