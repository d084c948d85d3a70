"""Measured, estimated, fitted, noise scale and published critical sizes side by side."""

import pandas as pd
import pytest
from critical_batch.analysis.comparison import comparison, rates_table
from critical_batch.tables.aggregate import CRITICAL
from critical_batch.tables.statistics import CRITICAL_INTERVALS
from critical_batch.tables.theory import (
    CENSORED_FIT,
    COMPARISON,
    ESTIMATES,
    LEARNING_RATES,
    NOISE_SCALE,
)

RECORDS = [
    {"name": "b", "section": "4.1", "optimizers": {"RMSProp": {"generator_rate": 0.004}}},
    {
        "name": "a",
        "section": "mine",
        "optimizers": {"RMSProp": {"generator_rate": 0.001}, "Adam": {"generator_rate": 0.002}},
    },
]


def frame(contract, *rows):
    """The rows' values stand for the first columns; the others are empty."""
    return contract.frame([dict(zip(contract.columns, row, strict=False)) for row in rows])


@pytest.fixture
def tables():
    rows = [
        ("b", "RMSProp", player, step, 0, 0, scale, 0, 0, 3, 0, 0)
        for player, step, scale in (
            *(("generator", 10, 1.5), ("generator", 200, 22.5)),
            *(("discriminator", 200, 33.5), ("discriminator", 10, 2.5)),
        )
    ]
    pair = {"experiment": "b", "optimizer": "RMSProp"}
    fit = {"critical_batch_size": 9.5, "critical_low": 7.25, "critical_high": 12.0}
    counts = {"reached": 9, "upper_bounds": 0, "censored": 0}
    return {
        "critical": frame(
            CRITICAL,
            ("b", "RMSProp", 8, 4, 16, "largest", 3, 3),
            ("a", "Adam", None, None, None, "", 3, 0),
        ),
        "estimates": frame(
            ESTIMATES,
            ("b", "4.1", "RMSProp", "b", "RMSProp", 1.0, 8.0, 8),
            ("a", "mine", "RMSProp", "b", "RMSProp", 1.0, 47.9, 32),
        ),
        "noise": frame(NOISE_SCALE, *rows),
        "fitted": CENSORED_FIT.frame([{**pair, **fit, **counts}]),
        "intervals": frame(CRITICAL_INTERVALS, ("b", "RMSProp", 8, 4, 16, 0.7, 2000)),
    }


def test_one_row_per_experiment_and_optimizer_with_what_is_known(tables):
    table = comparison(**tables, experiments=RECORDS)
    assert table.dtypes.astype(str).to_dict() == COMPARISON.types()
    assert table[["experiment", "optimizer"]].to_numpy().tolist() == [
        ["b", "RMSProp"],
        ["a", "RMSProp"],
        ["a", "Adam"],
    ]
    first = table.iloc[0]
    assert first.tolist() == [
        *("b", "4.1", "RMSProp"),
        *(8, 4.0, 16.0, "largest"),
        *(8, 8.0),
        *(9.5, 7.25, 12.0),
        *(22.5, 33.5),  # of the last step
        *(8, 128),
    ]
    assert table.loc[1, ["estimated", "estimated_exact"]].tolist() == [32, 47.9]
    empty = [
        column
        for column in COMPARISON.columns
        if column not in ("experiment", "section", "optimizer")
    ]
    assert table.loc[2, empty].drop("at_edge").isna().all()
    assert table.loc[2, "at_edge"] == ""


def test_without_fit_and_intervals_their_columns_are_empty(tables):
    changed = tables | {
        "fitted": CENSORED_FIT.frame(),
        "intervals": CRITICAL_INTERVALS.frame(),
    }
    table = comparison(**changed, experiments=RECORDS)
    columns = [f"{kind}_{end}" for kind in ("measured", "fitted") for end in ("low", "high")]
    assert table[[*columns, "fitted"]].isna().all(axis=None)
    assert table["measured"].tolist() == [8, pd.NA, pd.NA]
    nothing = comparison(**changed, experiments=[])
    assert (len(nothing), nothing.dtypes.astype(str).to_dict()) == (0, COMPARISON.types())


def test_survives_its_file(tables, tmp_path):
    table = comparison(**tables, experiments=RECORDS)
    table.to_csv(tmp_path / "comparison.csv", index=False)
    pd.testing.assert_frame_equal(COMPARISON.read(tmp_path / "comparison.csv"), table)


def test_rates_by_optimizer_then_rate(tables):
    table = rates_table(comparison(**tables, experiments=RECORDS), RECORDS)
    assert table.dtypes.astype(str).to_dict() == LEARNING_RATES.types()
    assert table[["optimizer", "rate", "experiment"]].to_numpy().tolist() == [
        ["RMSProp", 0.001, "a"],
        ["RMSProp", 0.004, "b"],
        ["Adam", 0.002, "a"],
    ]
    assert table.iloc[1].tolist()[3:] == [8, 4.0, 16.0, 9.5, 7.25, 12.0]
