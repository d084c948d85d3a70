"""The recommendation of two experiments with optimizers of their own: nothing is mixed up."""

import math
from pathlib import Path

import pandas as pd
import pytest
from critical_batch.analysis.aggregate import (
    critical_table,
    networks_table,
    speed_table,
    steps_table,
)
from critical_batch.analysis.recommendation import costs, other_optimizers, recommendation_table
from critical_batch.analysis.theory import lower_bound
from critical_batch.reporting.recommendation_text import recommendation_text
from critical_batch.tables.statistics import CRITICAL_INTERVALS
from critical_batch.tables.theory import ESTIMATES
from test_aggregate import early, result, run

ADAM = {"generator_rate": 0.002, "hyper": {}, "batch_sizes": [3, 5, 7]}
BELIEF = {"generator_rate": 0.0005, "hyper": {}, "batch_sizes": [8, 16]}
RMSPROP = {"generator_rate": 0.0007, "hyper": {}, "batch_sizes": [5, 6]}
RECORDS = [
    {
        "name": "shoes",
        "title": "DCGAN on shoes",
        "features": "classifier",
        # AdaBelief comes first and was not trained yet.
        "optimizers": {"AdaBelief": BELIEF, "Adam": ADAM, "RMSProp": RMSPROP},
    },
    {
        "name": "untrained",
        "title": "Nothing yet",
        "features": "classifier",
        "optimizers": {"Adam": ADAM},
    },
    {
        "name": "faces",
        "title": "BigGAN on faces",
        "features": "inception",
        "optimizers": {"AdaBelief": BELIEF, "Adam": {**ADAM, "generator_rate": 0.004}},
    },
]


def job(b, seeds, speed, experiment="shoes", **changes):
    shoes = {"metric": "classifier-FID", "stop": {"metric": "fid", "at_most": 10.0}}
    faces = {"metric": "FID", "generator_parameters": 900}
    faces["stop"] = {"metric": "fid", "at_most": 25.5}
    faces["dataset"] = {"name": "faces", "images": 1200, "sha256": "1"}
    more = faces if experiment == "faces" else shoes
    changes = {"seed_steps_per_second": speed, **more, **changes}
    return run(b, *seeds, experiment=experiment, **changes)


def hits(*steps):
    return [result(seed, n) for seed, n in enumerate(steps)]


GPU = {"optimizer": "RMSProp", "device": "NVIDIA A100"}
RUNS = [
    job(3, hits(400, 395, 405), 100.0),  # 1200 images, in 4 s
    job(5, hits(200, 170, 180), 1.5),  # 900 images, in 120 s
    job(7, hits(150, 140, None), 0.02),  # 1050 images, in 7500 s
    job(5, [result(s, n, last_miss=20_000) for s, n in enumerate([None, 50, None])], 5.0, **GPU),
    job(6, hits(7200, 7100, 7400), 1.0, **GPU),  # 43,200 images, in 7,200 s
    job(9, hits(7200, 7100, 7400), 0.9, **GPU),
    job(8, hits(100, 110), 10.0, "faces", optimizer="AdaBelief"),
    job(16, hits(90, 70), 8.0, "faces", optimizer="AdaBelief"),
    # Known from above: both may need less than 840 images.
    job(32, [early(0, 50), early(1, 50)], 4.0, "faces", optimizer="AdaBelief"),
    job(1000, [early(0, 50), early(1, 50)], 4.0, "faces", optimizer="AdaBelief"),
    job(2, [early(0, 90), early(1, 90)], 4.0, "faces"),
    job(4, [early(0, 50), early(1, 51)], 4.0, "faces"),
]
INTERVAL_ROWS = [
    ("shoes", "Adam", None, 3, 7, 0.9231, 2000),
    ("shoes", "RMSProp", None, 6, None, 0.5, 1500),
    ("faces", "Adam", None, 2, 4, None, 2000),
]


def source(experiment, optimizer, ratio_experiment, ratio_optimizer, ratio):
    """A row of the estimates."""
    return {
        "experiment": experiment,
        "optimizer": optimizer,
        "section": "",
        "ratio_experiment": ratio_experiment,
        "ratio_optimizer": ratio_optimizer,
        "ratio": ratio,
    }


# What an experiment's first optimizer took its ratio from.
SOURCES = [
    source("shoes", "Adam", "shoes", "RMSProp", 99.0),
    source("shoes", "AdaBelief", "faces", "Adam", 5.0),
    source("faces", "AdaBelief", "shoes", "Adam", 370.0),
    source("untrained", "Adam", "shoes", "Adam", 370.0),
]


@pytest.fixture(scope="module")
def tables():
    steps = steps_table(RUNS)
    cost, critical = costs(steps, speed_table(RUNS)), critical_table(steps)
    networks = networks_table(RUNS)
    intervals = CRITICAL_INTERVALS.frame(INTERVAL_ROWS)
    estimates = ESTIMATES.frame(SOURCES)
    table = recommendation_table(cost, critical, intervals, RECORDS)
    others = other_optimizers(estimates, networks, RECORDS)
    return table, cost, intervals, others, networks


def test_every_row_is_that_of_its_own_experiment_and_optimizer(tables):
    found = tables[0].to_csv(index=False).splitlines()[1:]
    assert found == [
        "shoes,Adam,5,3.0,7.0,3,4.0,3,high",
        "shoes,RMSProp,6,6.0,,6,7200.0,6,fair",
        "faces,AdaBelief,8,8.0,8.0,,,8,try a lower threshold",
        "faces,Adam,,2.0,4.0,,,2,try a lower threshold",
    ]


def test_estimates_of_others_take_the_first_optimizers_rate_and_ratio(tables):
    others = tables[3]
    keys = ["experiment", "optimizer", "generator_rate", "rate_optimizer"]
    keys += ["ratio_experiment", "ratio_optimizer", "ratio"]
    shoes = (0.0005, "AdaBelief", "faces", "Adam", 5.0)
    faces = (0.0005, "AdaBelief", "shoes", "Adam", 370.0)
    assert list(others[keys].itertuples(index=False, name=None)) == [
        ("shoes", "AMSGrad", *shoes),
        ("faces", "RMSProp", *faces),
        ("faces", "AMSGrad", *faces),
    ]
    exact = lower_bound(370.0, "RMSProp", 0.0005, {}, 900, 1200)
    assert others["estimated_exact"].tolist() == pytest.approx(
        [math.nan, exact, math.nan], nan_ok=True
    )


@pytest.mark.parametrize(
    ("tried", "exact", "expected"),
    [
        ([4, 8], 6.9, 8),  # nearest, not truncated
        ([4, 8], 100.0, 128),  # beyond what was tried
        ([4, 8], 6.0, 4),  # of two equally near ones the smaller
        ([3, 5, 7], 5.9, 5),
        ([3, 5, 7], 6.1, 7),
        ([3, 5, 7], 100.0, 7),
    ],
)
def test_an_estimate_is_rounded_to_a_size_that_could_be_run(tables, tried, exact, expected):
    rmsprop = lower_bound(1.0, "RMSProp", 0.0005, {}, 900, 1200)
    row = source("faces", "AdaBelief", "shoes", "Adam", exact / rmsprop)
    estimates = ESTIMATES.frame([row])
    record = {**RECORDS[2], "optimizers": {"AdaBelief": {**BELIEF, "batch_sizes": tried}}}
    others = other_optimizers(estimates, tables[4], [RECORDS[0], record]).set_index("optimizer")
    assert others.loc["RMSProp", "estimated"] == expected
    assert others.loc["RMSProp", "estimated_exact"] == pytest.approx(exact)


def test_an_experiment_without_estimates_has_no_others(tables):
    estimates = ESTIMATES.frame(SOURCES[2:3])
    others = other_optimizers(estimates, tables[4], RECORDS)
    assert others["experiment"].tolist() == ["faces", "faces"]


def test_a_speed_that_stands_twice_is_refused():
    steps, speed = steps_table(RUNS), speed_table(RUNS)
    with pytest.raises(pd.errors.MergeError):
        costs(steps, pd.concat([speed, speed.iloc[:1]]))


def test_an_experiment_without_rows_has_no_section(tables):
    table, *others = tables
    text = recommendation_text(table[table["experiment"] == "shoes"], *others, RECORDS)
    assert "(`shoes`)" in text
    assert "(`faces`)" not in text


def test_the_whole_text(tables):
    expected = Path(__file__).with_name("recommendation_example.md")
    assert recommendation_text(*tables, RECORDS) == expected.read_text(encoding="utf-8")
