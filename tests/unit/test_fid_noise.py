"""The noise of the distance: one stored generator, evaluated with other samples."""

import math
from pathlib import Path

import pandas as pd
import pytest
import torch
from critical_batch.analysis.fid_noise import fid_noise_table
from critical_batch.data.shape import ImageShape
from critical_batch.metrics.saved_generators import load_generators
from critical_batch.networks.build import build
from critical_batch.networks.replicated import replica_state
from critical_batch.runtime.errors import UserError
from critical_batch.tables.statistics import FID_NOISE, REPETITIONS
from safetensors.torch import save_file

NETWORKS = {
    "kind": "dcgan",
    "latent": 4,
    "generator_width": 2,
    "discriminator_width": 2,
    "discriminator_norm": "batch",
    "generator_bn_momentum": 0.1,
}
MANIFEST = {"height": 8, "channels": 1, "classes": 10}
RECORD = {"settings": {"networks": NETWORKS}}
CPU = torch.device("cpu")


@pytest.fixture
def stored(tmp_path):
    """Generators of the seeds 3, 5 and 7 in a file, as a training job writes them."""
    generator, _ = build(NETWORKS, ImageShape(8, 1, 10), [3, 5, 7])
    states = {seed: replica_state(generator, r) for r, seed in enumerate([3, 5, 7])}
    path = tmp_path / "generators.safetensors"
    save_file({f"{s}.{name}": v for s, state in states.items() for name, v in state.items()}, path)
    return path, states


def test_loads_the_generators_asked_for_in_their_order(stored):
    path, states = stored
    generator = load_generators(path, Path("run.json"), RECORD, MANIFEST, [7, 3], CPU)
    for replica, seed in enumerate([7, 3]):
        found = replica_state(generator, replica)
        assert found.keys() == states[seed].keys()
        assert all(torch.equal(found[name], states[seed][name]) for name in found)


def test_generators_that_do_not_fit_are_one_line(stored):
    path, _ = stored
    wider = {"settings": {"networks": {**NETWORKS, "generator_width": 4}}}
    for record, seeds in ((wider, [3]), (RECORD, [4])):
        with pytest.raises(UserError, match=r"safetensors does not fit run\.json"):
            load_generators(path, Path("run.json"), record, MANIFEST, seeds, CPU)


def repetitions(fids, experiment="dcgan"):
    rows = [(experiment, "Adam", 8, 0, 2000, number, fid) for number, fid in enumerate(fids)]
    return REPETITIONS.frame(rows)


THRESHOLDS = pd.DataFrame({"experiment": ["dcgan", "biggan"], "threshold": [8.0, 12.0]})


def test_mean_and_standard_deviation_over_sample_seeds():
    table = fid_noise_table(
        pd.concat([repetitions([7.0, 8.0, 9.0]), repetitions([5.0, 6.0], "biggan")]), THRESHOLDS
    )
    assert table.dtypes.astype(str).to_dict() == FID_NOISE.types()
    found = table.set_index("experiment")
    assert found.loc["dcgan", ["sample_seeds", "mean", "sd", "threshold"]].tolist() == [
        *(3, 8.0, 1.0, 8.0)
    ]
    assert found.loc["biggan", "sd"] == pytest.approx(math.sqrt(0.5))
    assert found.loc["biggan", "threshold"] == 12


def test_generators_are_kept_apart_by_every_key():
    """One evaluation each, equal but for one key: no two are averaged."""
    one = repetitions([7.0])
    others = [
        one.assign(optimizer="RMSProp", distance=8.0),
        one.assign(batch_size=16, distance=9.0),
        one.assign(seed=1, distance=10.0),
        one.assign(samples=500, distance=11.0),
        one.assign(experiment="biggan", distance=12.0),
    ]
    table = fid_noise_table(pd.concat([one, *others]), THRESHOLDS)
    assert sorted(table["mean"]) == [7, 8, 9, 10, 11, 12]
    assert (table["sample_seeds"] == 1).all()
    assert table.set_index("mean")["threshold"].to_dict()[12.0] == 12
    table = fid_noise_table(repetitions([1.0, 2.0, 6.0]), THRESHOLDS[:0])
    assert table[["mean", "sd"]].iloc[0].tolist() == [3, math.sqrt(7)]
    assert table["threshold"].isna().all()


def test_whole_numbers_and_thresholds_have_their_types_and_only_experiments_join():
    """networks.csv may hold other columns of the same names as the evaluations have."""
    networks = pd.DataFrame({"experiment": ["dcgan"], "threshold": [8], "samples": [1]})
    table = fid_noise_table(repetitions([7.0, 8.0]), networks)
    assert table.dtypes.astype(str).to_dict() == FID_NOISE.types()
    assert (table["samples"].item(), table["threshold"].item()) == (2000, 8.0)
    none = fid_noise_table(repetitions([]), networks)
    assert none.dtypes.astype(str).to_dict() == FID_NOISE.types()


def test_one_distance_that_is_none_makes_the_mean_none():
    table = fid_noise_table(repetitions([7.0, math.nan, 9.0]), THRESHOLDS)
    assert table[["mean", "sd"]].isna().all(axis=None)


def test_evaluations_of_a_diverged_generator_are_empty():
    table = fid_noise_table(repetitions([math.nan] * 3), THRESHOLDS)
    assert table[["mean", "sd"]].isna().all(axis=None)
    assert table["sample_seeds"].tolist() == [3]


def test_one_evaluation_has_no_standard_deviation():
    assert fid_noise_table(repetitions([7.0]), THRESHOLDS)["sd"].isna().all()
