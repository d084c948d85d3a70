"""Noise scales over seeds, and what Proposition 3.4 makes of them."""

import math

import pandas as pd
import pytest
from critical_batch.analysis.noise_scale import latest, noise_scale_table
from critical_batch.analysis.theory import lower_bound
from critical_batch.tables.theory import NOISE_SCALE
from critical_batch.tables.training import GRADIENT_NOISE

RATES = {"generator_rate": 0.002, "discriminator_rate": 0.001}
OPTIMIZERS = {"RMSProp": {**RATES, "hyper": {}}, "Adam": {**RATES, "hyper": {"beta1": 0.5}}}
RECORDS = [{"name": "dcgan", "optimizers": OPTIMIZERS}]


def probes(numbers, optimizer="Adam", player="generator", step=30):
    """Rows of seeds 0, 1, ... with these (trace, squared norm); None for a diverged seed."""
    rows = []
    for seed, pair in enumerate(numbers):
        trace, norm = pair or (None, None)
        scale = trace / norm if pair and norm > 0 else None
        key = ("dcgan", optimizer, 8, step, seed, player)
        rows.append((*key, trace, norm, scale, 400 if player == "generator" else 900, 10_000))
    return GRADIENT_NOISE.frame(rows)


def only(table):
    (row,) = table.to_dict("records")
    return row


def test_the_scale_is_the_quotient_of_the_means_and_its_spread_that_of_the_seeds():
    table = noise_scale_table(probes([(80, 4), (120, 2), (100, 3)]), RECORDS)
    assert table.dtypes.astype(str).to_dict() == NOISE_SCALE.types()
    row = only(table)
    assert (row["trace"], row["squared_norm"], row["seeds"]) == (100, 3, 3)
    assert row["noise_scale"] == pytest.approx(100 / 3)
    assert (row["low"], row["high"]) == (20, 60)


@pytest.mark.parametrize(
    ("player", "rate", "parameters"), [("generator", 0.002, 400), ("discriminator", 0.001, 900)]
)
def test_proposition_3_4_takes_the_measured_ratio_and_the_players_own_rate(
    player, rate, parameters
):
    row = only(noise_scale_table(probes([(50, 4)], player=player), RECORDS))
    assert row["ratio"] == 50 / 4**1.5
    expected = lower_bound(50 / 8, "Adam", rate, {"beta1": 0.5}, parameters, 10_000)
    assert row["estimated_exact"] == pytest.approx(expected)


def test_a_seed_whose_gradient_drowns_leaves_the_scale_open_above():
    row = only(noise_scale_table(probes([(80, 4), (120, -1)]), RECORDS))
    assert (row["noise_scale"], row["low"]) == (pytest.approx(200 / 3), 20)
    assert math.isnan(row["high"])


def test_no_scale_where_the_mean_gradient_is_not_distinguishable_from_zero():
    row = only(noise_scale_table(probes([(80, 1), (120, -3)]), RECORDS))
    assert row["squared_norm"] == -1
    for key in ("noise_scale", "high", "ratio", "estimated_exact"):
        assert math.isnan(row[key])


def test_a_small_gradient_has_a_scale_too():
    row = only(noise_scale_table(probes([(0.5, 0.25), (0.25, 0.125)]), RECORDS))
    assert (row["noise_scale"], row["low"], row["high"]) == (2, 2, 2)


def test_means_not_medians_over_the_seeds():
    """One seed of much noise counts with all of it."""
    row = only(noise_scale_table(probes([(10, 1), (20, 2), (300, 9)]), RECORDS))
    assert (row["trace"], row["squared_norm"]) == (110, 4)
    assert (row["noise_scale"], row["ratio"]) == (27.5, 110 / 8)


def test_a_mean_gradient_of_exactly_zero_has_no_scale():
    row = only(noise_scale_table(probes([(80, 2), (120, -2)]), RECORDS))
    assert (row["trace"], row["squared_norm"]) == (100, 0)
    for key in ("noise_scale", "ratio", "estimated_exact"):
        assert math.isnan(row[key])


def test_a_table_of_nothing_has_the_columns_and_their_types():
    table = noise_scale_table(probes([]), RECORDS)
    assert table.dtypes.astype(str).to_dict() == NOISE_SCALE.types()
    assert table.empty


def test_diverged_seeds_are_not_counted_as_measured():
    row = only(noise_scale_table(probes([None, (120, 2)]), RECORDS))
    assert (row["seeds"], row["noise_scale"]) == (1, 60)
    row = only(noise_scale_table(probes([None, None]), RECORDS))
    assert row["seeds"] == 0
    assert math.isnan(row["trace"])


def test_rows_follow_the_configuration_and_the_latest_is_the_last_step():
    parts = [
        probes([(80, 4)], optimizer, player, step)
        for optimizer in ("Adam", "RMSProp")
        for player in ("generator", "discriminator")
        for step in (100, 30)
    ]
    table = noise_scale_table(pd.concat(parts), RECORDS)
    assert table["optimizer"].tolist() == ["RMSProp"] * 4 + ["Adam"] * 4
    assert (
        table["player"].tolist() == ["generator", "generator", "discriminator", "discriminator"] * 2
    )
    assert table["step"].tolist() == [30, 100] * 4
    assert latest(table)["step"].tolist() == [100] * 4
    assert latest(table[::-1])["step"].tolist() == [100] * 4
