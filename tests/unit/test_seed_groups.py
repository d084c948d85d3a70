"""Which seeds share a network, and that it changes nothing but rounding."""

from dataclasses import replace

import pytest
import torch
from conftest import SETTINGS, job_of
from critical_batch.networks.kinds import ARCHITECTURES, NetworkKind
from critical_batch.training import seed_groups
from critical_batch.training.seed_groups import (
    MAPS_TOGETHER,
    SeedGroup,
    step_all,
    together_or_apart,
)
from critical_batch.training.step import update
from test_step import start
from test_training import same_generators, train_tiny
from training_runs import settings_with

CPU, GPU = torch.device("cpu"), torch.device("cuda")
SEEDS = [5, 0, 7]


def job_with(batch_size, width=16, micro_batches=1):
    networks = SETTINGS["networks"] | {
        "generator_width": width // 2,
        "discriminator_width": width,
    }
    return job_of(
        SETTINGS | {"networks": networks, "batch_size": batch_size, "micro_batches": micro_batches}
    )


def test_seeds_part_where_feature_maps_are_large():
    largest = MAPS_TOGETHER // (16 * 16**2)
    assert together_or_apart(SEEDS, job_with(largest), 16, CPU) == [SEEDS]
    assert together_or_apart(SEEDS, job_with(largest + 1), 16, CPU) == [[5], [0], [7]]
    assert together_or_apart(SEEDS, job_with(largest), 32, CPU) == [[5], [0], [7]]
    assert together_or_apart(SEEDS, job_with(largest, width=32), 16, CPU) == [[5], [0], [7]]
    assert together_or_apart(SEEDS, job_with(4 * largest, micro_batches=4), 16, CPU) == [SEEDS]
    assert together_or_apart(SEEDS, job_with(largest + 1), 16, GPU) == [SEEDS]


def test_kinds_that_do_not_say_how_large_their_maps_are_count_their_images(monkeypatch):
    monkeypatch.setitem(ARCHITECTURES, "mine", NetworkKind(description="Mine", build=print))
    own = {"networks": {"kind": "mine", "latent": 9}}
    largest = MAPS_TOGETHER // 16**2
    assert together_or_apart(SEEDS, replace(job_with(largest), **own), 16, CPU) == [SEEDS]
    assert together_or_apart(SEEDS, replace(job_with(largest + 1), **own), 16, CPU) == [
        [5],
        [0],
        [7],
    ]


def test_the_entry_of_a_kind_says_how_large_its_maps_are(monkeypatch):
    kind = NetworkKind(
        description="Mine", build=print, largest_map=lambda settings, image_size: settings.latent
    )
    monkeypatch.setitem(ARCHITECTURES, "mine", kind)
    own = {"networks": {"kind": "mine", "latent": 1024}}
    largest = MAPS_TOGETHER // 1024
    assert together_or_apart(SEEDS, replace(job_with(largest), **own), 256, CPU) == [SEEDS]
    assert together_or_apart(SEEDS, replace(job_with(largest + 1), **own), 256, CPU) == [
        [5],
        [0],
        [7],
    ]


def test_the_bound_is_half_a_million_numbers():
    """As it was measured (docs/performance.md): 128 images with 16 maps of 16x16."""
    assert together_or_apart(SEEDS, job_with(128), 16, CPU) == [SEEDS]
    assert together_or_apart(SEEDS, job_with(129), 16, CPU) == [[5], [0], [7]]
    assert together_or_apart(range(2), job_with(1), 16, CPU) == [[0, 1]]


def group_of(seeds):
    return SeedGroup(list(seeds), *start(SETTINGS, seeds=seeds))


def test_seeds_that_are_kept_go_on_with_draws_of_their_own():
    group, asked = group_of((5, 0, 7)), []

    def draws(seeds):
        asked.append(seeds)
        return start(SETTINGS, seeds=seeds)[1]

    before = group.source
    group.keep([0, 1, 2], draws)
    assert (group.seeds, group.source, asked) == ([5, 0, 7], before, [])
    group.keep([2, 0], draws)
    assert (group.seeds, asked) == ([7, 5], [[7, 5]])
    expected = group_of((7, 5))
    for step in range(2):
        losses = step_all([group], step), step_all([expected], step)
        for mine, other in zip(*losses, strict=True):
            assert mine.shape == (2,)
            torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-6)


def test_a_step_of_all_groups_gives_the_losses_of_all_seeds_in_order():
    """First the discriminators', then the generators'."""
    discriminator, generator = step_all([group_of((5, 0)), group_of((7,))], 3)
    for place, seed in enumerate(SEEDS):
        pair, draws = start(SETTINGS, seeds=(seed,))
        expected = update(pair, draws.at(3))
        found = discriminator[place : place + 1], generator[place : place + 1]
        for mine, other in zip(found, expected, strict=True):
            torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-6)
    assert (discriminator - generator).abs().min() > 0.01


@pytest.fixture
def apart(monkeypatch):
    monkeypatch.setattr(seed_groups, "MAPS_TOGETHER", 0)


def test_one_by_one_every_seed_is_bit_equal_to_a_job_of_its_own(tiny, tmp_path, apart):
    together = train_tiny(tiny, tmp_path, SETTINGS)
    for seed in SETTINGS["seeds"]:
        alone = train_tiny(tiny, tmp_path, settings_with(seeds=[seed]))
        assert [row for row in together.rows if row[0] == seed] == alone.rows
        assert same_generators(alone.generators, {seed: together.generators[seed]})


def test_one_by_one_is_together_up_to_rounding(tiny, tmp_path, monkeypatch):
    few = {"fid": {"grid": {"kind": "linear", "every": 5}}, "limits": {"steps": 20}}
    few |= {"generator_rate": 0.0002, "discriminator_rate": 0.0002}
    together = train_tiny(tiny, tmp_path, settings_with(**few))
    monkeypatch.setattr(seed_groups, "MAPS_TOGETHER", 0)
    apart = train_tiny(tiny, tmp_path, settings_with(**few))
    for mine, other in zip(together.rows, apart.rows, strict=True):
        assert mine._replace(value=None) == other._replace(value=None)
        assert mine.value == pytest.approx(other.value, rel=2e-2, abs=1e-3)
