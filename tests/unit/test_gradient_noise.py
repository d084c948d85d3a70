"""Gradient noise where it is known, and training that does not notice being measured."""

import copy
import csv
import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import SETTINGS, job_of
from critical_batch import objectives
from critical_batch.data.labels import SampleLabels
from critical_batch.data.packed import PackedDataset
from critical_batch.data.shape import ImageShape
from critical_batch.networks.replicated import Network
from critical_batch.runtime.errors import UserError
from critical_batch.runtime.streams import generator as random_stream
from critical_batch.tables.training import GRADIENT_NOISE
from critical_batch.training import gradient_noise as gradient_noise_module
from critical_batch.training.data import Images, TrainingData
from critical_batch.training.gradient_noise import (
    GradientMoments,
    IndependentInputs,
    ProbePlan,
    gradient_noise,
    probe,
)
from critical_batch.training.images import ImageStore
from critical_batch.training.inputs import InputSource, Latents, StepPlan, TrainingInputs
from critical_batch.training.step import GanPair, build_pair, update
from critical_batch.training.world import World
from test_step import BIGGAN, start
from torch import nn

CPU = torch.device("cpu")
WGAN = SETTINGS | {
    "networks": SETTINGS["networks"] | {"discriminator_norm": "none"},
    "objective": {"kind": "wasserstein_gp", "penalty_weight": 10.0},
}


LINEAR = job_of(
    SETTINGS
    | {
        "networks": {"kind": "linear", "latent": 1},
        "objective": {"kind": "wasserstein_gp", "penalty_weight": 0.0},
    }
)


class Shift(Network):
    """G(z) = theta + z, one number per image: latents [b, R] -> images [b, R, 1, 1]."""

    def __init__(self, start):
        super().__init__()
        self.theta = nn.Parameter(torch.tensor(start)[:, None])

    def forward(self, latents, labels=None):
        return (latents + self.theta.flatten())[:, :, None, None]


class Line(Network):
    """D(x) = w x: images [b, R, 1, 1] -> logits [b, R]."""

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
    return GanPair(
        generator,
        discriminator,
        torch.optim.SGD(generator.parameters(), 0.1),
        torch.optim.SGD(discriminator.parameters(), 0.1),
        objectives.build(LINEAR.objective),
        micro_batches=1,
        average=None,
        autocast=torch.autocast("cpu", torch.bfloat16, enabled=False),
        world=World(),
    )


PIXELS = np.array([0, 255], dtype=np.uint8)[:, None, None, None]  # x is -1 or 1: mean 0, variance 1


def linear_draws(seeds, batch_size, stage=0):
    labels = torch.zeros(2, dtype=torch.int64)
    data = TrainingData(ImageStore(PIXELS, CPU), labels, SampleLabels.uniform(1))
    return IndependentInputs(data, replace(LINEAR, batch_size=batch_size), seeds, stage)


def test_two_linear_players_have_the_noise_that_can_be_computed_by_hand():
    """Unbiased: the mean over 400 measurements lies within 4 standard errors of the truth."""
    shifts, slopes = [0.0, 1.0], [3.0, -0.5]
    pair, traces, norms = linear_players(shifts, slopes), [], []
    for repetition in range(400):
        measured = gradient_noise(pair, linear_draws((0, 1), 4, repetition), 5, batch_size=4)
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
    pair = linear_players([0.0], [1.0])
    trace, _ = gradient_noise(pair, linear_draws((5,), batch_size), 2000, batch_size)[
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
        update(measured, draws.at(step))
        update(undisturbed, same.at(step))
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
        pair, _ = start(SETTINGS, seeds=seeds)
        images = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 1), dtype=np.uint8)
        store, labels = ImageStore(images, CPU), torch.zeros(40, dtype=torch.int64)
        data = TrainingData(store, labels, SampleLabels.uniform(3))
        draws = IndependentInputs(data, job_of(SETTINGS), seeds, stage=0)
        tables.append(gradient_noise(pair, draws, 4, 4))
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


def test_sums_of_many_gradients_are_kept_in_double_precision():
    """In float32 the noise would be lost beside a mean of 1,000, in the sum and in the squares."""
    moments = GradientMoments()
    for k in range(200):
        moments.add([torch.tensor([[1000.0 + (k % 2) / 256], [1.0]])])
    trace, squared_norm = moments.estimates(batch_size=1)
    assert trace.tolist() == pytest.approx([200 / 199 / 512**2, 0], rel=1e-3)
    assert squared_norm[0].item() == pytest.approx((1000 + 1 / 512) ** 2, rel=1e-12)
    assert squared_norm[1].item() == 1


def test_two_batches_are_enough_for_two_replicas_of_several_parameters():
    """By hand: gradients (3, 4) and (1, 2), of the other replica (0, 1) and (2, 5)."""
    moments = GradientMoments()
    moments.add([torch.tensor([[[3.0]], [[0.0]]]), torch.tensor([[4.0], [1.0]])])
    moments.add([torch.tensor([[[1.0]], [[2.0]]]), torch.tensor([[2.0], [5.0]])])
    trace, squared_norm = moments.estimates(batch_size=10)
    # b / (K - 1) * sum |g - m|^2 with m = (2, 3) and (1, 3); |m|^2 - S / (K b)
    assert trace.tolist() == [10 * 4, 10 * 10]
    assert squared_norm.tolist() == [13 - 40 / 20, 10 - 100 / 20]


def test_draws_are_those_of_the_stream_noise():
    """With a purpose and the batch's number: images 0, latents 1, labels 2, weights 3."""
    images = np.random.default_rng(0).integers(0, 256, (9, 2, 3, 2), dtype=np.uint8)
    labels, seeds, width = torch.arange(9) % 4, (4, 1), (5, 1)
    data = TrainingData(ImageStore(images, CPU), labels, SampleLabels([2, 1]))
    recipe = replace(LINEAR, networks={"kind": "linear", "latent": 3}, batch_size=5)
    draws = IndependentInputs(data, recipe, seeds, stage=6)
    for counter in (0, 4):

        def drawn(purpose, draw, counter=counter):
            streams = [random_stream(seed, "noise", 6, purpose, counter) for seed in seeds]
            return torch.cat([draw(stream) for stream in streams], dim=1)

        def whole(high):
            return lambda stream: torch.randint(high, width, generator=stream)

        indices = drawn(0, whole(9))
        real, real_labels = draws.real(counter)
        assert torch.equal(real_labels, indices % 4)
        for replica in range(2):
            pixels = torch.from_numpy(images)[indices[:, replica]].permute(0, 3, 1, 2)
            found = real[:, 2 * replica : 2 * replica + 2]
            torch.testing.assert_close(found, pixels.float() * 2 / 255 - 1, rtol=0, atol=1e-6)
        latents, fake_labels = draws.latents(counter)
        assert torch.equal(latents, drawn(1, lambda stream: torch.randn(5, 3, generator=stream)))
        assert torch.equal(fake_labels, drawn(2, whole(3)) // 2)
        assert torch.equal(
            draws.mix(counter), drawn(3, lambda stream: torch.rand(width, generator=stream))
        )


class OneBatch(InputSource):
    """Draws that are always the same, but for what is counted: how often each was asked."""

    def __init__(self):
        super().__init__(StepPlan(discriminator_steps=1, latent_reuse=True, penalised=False))
        self.asked = []

    def real(self, counter):
        self.asked.append(("real", counter))
        images = torch.full((4, 1, 1, 1), 0.5 + counter)
        return Images(images, torch.zeros(4, 1, dtype=torch.int64))

    def latents(self, counter):
        self.asked.append(("latents", counter))
        latents = torch.full((4, 1), 2.0 * counter)
        return Latents(latents, torch.zeros(4, 1, dtype=torch.int64))

    def mix(self, counter):
        raise AssertionError("no penalty, no weights")


def test_every_batch_is_a_new_one_and_the_critic_moves_once_a_step():
    """D's gradient is theta + z - x: 0.25 - 0.5 + (2 - 1) k for the batches k = 0, 1, 2."""
    pair, draws = linear_players([0.25], [3.0]), OneBatch()
    measured = gradient_noise(pair, draws, 3, batch_size=4)
    assert draws.asked == [(name, k) for k in range(3) for name in ("latents", "real")]
    trace, squared_norm = measured["discriminator"]
    assert trace.item() == pytest.approx(4 * (1 + 0 + 1) / 2)
    assert squared_norm.item() == pytest.approx(0.75**2 - 4 / 12)
    assert pair.generator.theta.item() == 0.25
    assert pair.discriminator.slope.item() == 3.0


def test_a_probe_s_rows_are_those_of_training_until_there(tiny):
    """Step by step as a job trains, with labels as the settings say, against a loop by hand."""
    dataset = PackedDataset.open(tiny.data_dir)
    recipe = job_of(SETTINGS | {"labels": "uniform", "batch_size": 5, "seeds": [2, 9]})
    rows = list(probe(recipe, dataset, ProbePlan(steps=(1, 3), batches=2), CPU))
    images, labels = ImageStore(dataset.images, CPU), torch.from_numpy(np.array(dataset.labels))
    data = TrainingData(images, labels, SampleLabels.uniform(3))
    pair = build_pair(recipe, [2, 9], ImageShape(16, 1, 3), device=CPU)
    draws = TrainingInputs(data, recipe, [2, 9])
    expected, done = [], 0
    for stage in (1, 3):
        for step in range(done, stage):
            update(pair, draws.at(step))
        done = stage
        measured = gradient_noise(pair, IndependentInputs(data, recipe, [2, 9], stage), 2, 5)
        for player in ("generator", "discriminator"):
            for replica, seed in enumerate((2, 9)):
                trace, norm = (values[replica].item() for values in measured[player])
                expected.append((stage, seed, player, trace, norm))
    keys = ("step", "seed", "player", "trace", "squared_norm")
    assert [tuple(row[key] for key in keys) for row in rows] == expected
    assert {(row["experiment"], row["optimizer"], row["batch_size"]) for row in rows} == {
        ("tiny", "Adam", 5)
    }


@pytest.mark.parametrize(
    ("trace", "norm", "expected"),
    [
        (6.0, 2.0, (6.0, 2.0, 3.0)),
        (6.0, -2.0, (6.0, -2.0, None)),
        (6.0, 0.0, (6.0, 0.0, None)),
        (6.0, 0.5, (6.0, 0.5, 12.0)),
        (float("inf"), 2.0, (None, None, None)),
        (6.0, float("nan"), (None, None, None)),
    ],
)
def test_a_noise_scale_is_of_a_norm_above_zero(tiny, monkeypatch, trace, norm, expected):
    values = torch.tensor([trace]), torch.tensor([norm])
    measured = {"generator": values, "discriminator": values}
    monkeypatch.setattr(gradient_noise_module, "gradient_noise", lambda *given: measured)
    plan = ProbePlan(steps=(0,), batches=2)
    rows = list(
        probe(job_of(SETTINGS | {"seeds": [0]}), PackedDataset.open(tiny.data_dir), plan, CPU)
    )
    for row in rows:
        assert (row["trace"], row["squared_norm"], row["noise_scale"]) == expected


def test_a_probe_measures_every_seed_and_both_players_at_its_steps(tiny):
    plan = ProbePlan(steps=(2, 5), batches=3)
    rows = list(probe(job_of(SETTINGS), PackedDataset.open(tiny.data_dir), plan, CPU))
    assert all(tuple(row) == tuple(GRADIENT_NOISE.columns) for row in rows)
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
    rows = list(probe(job_of(settings), PackedDataset.open(tiny.data_dir), plan, CPU))
    assert len(rows) == 2
    assert [row[key] for row in rows for key in ("trace", "noise_scale")] == [None] * 4


def test_the_script_writes_the_table_of_all_optimizers(tiny, tmp_path):
    recipe = {
        key: SETTINGS[key]
        for key in SETTINGS
        if key not in ("limits", "fid", "stop", "metrics", "processes")
    }
    jobs = [recipe | {"seeds": [4]}, recipe | {"seeds": [4], "optimizer": "RMSProp"}]
    jobs[1]["hyper"] = {"alpha": 0.99, "eps": 1e-8}
    settings = json.dumps({"steps": [1, 3], "batches": 2, "jobs": jobs})
    output = tmp_path / "noise.csv"
    command = [sys.executable, "workflow/scripts/probe_gradient_noise.py", "--settings", settings]
    subprocess.run([*command, "--data-dir", tiny.data_dir, "--output", output], check=True)
    rows = list(csv.DictReader(output.open()))
    assert tuple(rows[0]) == tuple(GRADIENT_NOISE.columns)
    assert [row["optimizer"] for row in rows] == ["Adam"] * 4 + ["RMSProp"] * 4


def test_a_batch_above_the_images_that_were_readable_is_one_line(tiny):
    plan = ProbePlan(steps=(2,), batches=2)
    recipe = job_of(SETTINGS | {"batch_size": 61})
    with pytest.raises(UserError) as error:
        list(probe(recipe, PackedDataset.open(tiny.data_dir), plan, CPU))
    assert str(error.value) == (
        "experiments.tiny.noise_probe.batch_size: 61 is above the 60 images of tiny: use at most 60"
    )
