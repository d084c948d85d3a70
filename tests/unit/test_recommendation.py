"""Which batch size to use, and how sure that is."""

import math

import pandas as pd
import pytest
from critical_batch.analysis.aggregate import (
    critical_table,
    networks_table,
    speed_table,
    steps_table,
)
from critical_batch.analysis.recommendation import costs, other_optimizers, recommendation_table
from critical_batch.optimizers import OPTIMIZERS
from critical_batch.reporting.recommendation_text import recommendation_text
from critical_batch.tables.results import OTHER_OPTIMIZERS, RECOMMENDATION
from critical_batch.tables.statistics import CRITICAL_INTERVALS
from critical_batch.tables.theory import ESTIMATES
from test_aggregate import early, result, run

RECORDS = [
    {
        "name": "dcgan",
        "section": "4.1",
        "title": "DCGAN on shoes",
        "features": "classifier",
        "optimizers": {"Adam": {"generator_rate": 0.002, "hyper": {}}},
    }
]
SWEEP = {2: [None] * 3, 4: [400, 380, 420], 8: [150, 140, 160], 16: [90, 95, 70]}
# SFO 1600, 1200, 1440: fewest at 8. At 100, 50, 40 steps per second: 4, 3, 2.25 s: first is 16.
SPEEDS = {2: 200.0, 4: 100.0, 8: 50.0, 16: 40.0, 32: 20.0}


def runs_of(sweep, speeds=SPEEDS):
    return [
        run(b, *(result(s, n) for s, n in enumerate(steps)), seed_steps_per_second=speeds[b])
        for b, steps in sweep.items()
    ]


def interval(low=4, high=16, support=0.8):
    return CRITICAL_INTERVALS.frame([("dcgan", "Adam", None, low, high, support, 2000)])


NONE = interval().iloc[:0]


def recommended(sweep, intervals=NONE, **speeds):
    runs = runs_of(sweep, **speeds)
    steps = steps_table(runs)
    cost, critical = costs(steps, speed_table(runs)), critical_table(steps)
    table = recommendation_table(cost, critical, intervals, RECORDS)
    assert table.dtypes.astype(str).to_dict() == RECOMMENDATION.types()
    others = other_optimizers(estimates(8.0), networks_table(runs), RECORDS)
    text = recommendation_text(table, cost, intervals, others, networks_table(runs), RECORDS)
    return table.iloc[0], text


def estimates(ratio):
    source = {"ratio_experiment": "dcgan", "ratio_optimizer": "Adam", "ratio": ratio}
    row = {"experiment": "dcgan", "section": "4.1", "optimizer": "Adam", **source}
    return ESTIMATES.frame([row])


def test_the_three_answers():
    row, text = recommended(SWEEP, interval())
    assert (row["fewest_gradients"], row["finishes_first"], row["smallest_reaching"]) == (8, 16, 4)
    assert row["seconds"] == pytest.approx(90 / 40)
    assert (row["fewest_low"], row["fewest_high"], row["certainty"]) == (4, 16, "fair")
    assert "**Fewest gradient evaluations: b = 8** (95 % interval 4 to 16): 1,200 eval" in text
    assert "**First to finish here: b = 16**: 2.25 s per seed on cpu, against 3 s at b = 8" in text
    assert "for 1.2 times the evaluations" in text
    assert "Smallest that arrives: b = 4; b = 2 did not (0 of 3 seeds)" in text
    assert "80% of 2,000 resamples" in text
    assert "Until classifier-FID <= 10, on 10,000 images" in text


@pytest.mark.parametrize(
    ("support", "words"),
    [(0.95, "high"), (0.9, "high"), (0.89, "fair"), (0.5, "fair"), (0.4, "low")],
)
def test_certainty_follows_the_resamples(support, words):
    assert recommended(SWEEP, interval(support=support))[0]["certainty"] == words


def test_without_resamples_the_range_over_seeds_and_low_certainty():
    row, text = recommended(SWEEP)
    assert (row["fewest_low"], row["fewest_high"], row["certainty"]) == (8, 16, "low")
    assert "(range over seeds 8 to 16)" in text


def test_resamples_without_an_answer_give_no_interval_and_low_certainty():
    row, text = recommended(SWEEP, interval(low=None, high=None, support=math.nan))
    assert row["certainty"] == "low"
    assert "**Fewest gradient evaluations: b = 8**: 1,200 evaluations" in text
    assert "nan" not in text


def test_two_seeds_are_too_few_whatever_the_resamples_say():
    two = {b: steps[:2] for b, steps in SWEEP.items()}
    assert recommended(two, interval(support=1.0))[0]["certainty"] == "low"


@pytest.mark.parametrize(
    ("sweep", "words", "advice"),
    [
        ({4: [10] * 3, 8: [90] * 3}, "try smaller", "Try smaller."),
        ({2: [10] * 3, 4: [90] * 3}, "try smaller", "Try smaller."),
        ({2: [1] * 3, 4: [10] * 3, 8: [90] * 3, 16: [90] * 3}, "try smaller", "Try smaller."),
        ({4: [90] * 3, 8: [5] * 3}, "try larger", "Try larger."),
        ({8: [10] * 3}, "one batch size", "the only batch size tried"),
    ],
)
def test_a_bound_is_called_one(sweep, words, advice):
    row, text = recommended(sweep, interval(support=1.0))
    assert row["certainty"] == words
    assert advice in text
    assert ("interval" in text) == (words != "one batch size")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(119, "119 s"), (120, "2 min"), (7199, "120 min"), (7200, "2 h"), (0.12345, "0.123 s")],
)
def test_times_have_the_unit_that_reads_well(seconds, words):
    row, text = recommended({4: [100] * 3, 8: [90] * 3}, speeds={4: 100 / seconds, 8: 1e-6})
    assert row["seconds"] == pytest.approx(seconds)
    assert f"**First to finish here: b = 4**: {words} per seed on cpu" in text


def test_equally_fast_and_equally_cheap_sizes_give_the_smaller():
    row, _ = recommended({4: [200] * 3, 8: [100] * 3}, speeds={4: 20.0, 8: 10.0})
    assert (row["fewest_gradients"], row["finishes_first"]) == (4, 4)


def test_batch_size_one_is_no_bound_from_below():
    speeds = {1: 10.0, 2: 10.0}
    row, _ = recommended({1: [10] * 3, 2: [90] * 3}, interval(support=1.0), speeds=speeds)
    assert (row["fewest_gradients"], row["certainty"]) == (1, "high")


def test_stopped_too_early():
    short = run(2, *(result(seed, None, last_miss=50) for seed in range(3)))
    runs = [short, *runs_of({4: [100] * 3, 8: [90] * 3})]
    steps = steps_table(runs)
    cost = costs(steps, speed_table(runs))
    row = recommendation_table(cost, critical_table(steps), interval(), RECORDS).iloc[0]
    assert row["certainty"] == "try more steps"


def test_nothing_reached_is_said_and_has_no_number():
    row, text = recommended({4: [None] * 3, 8: [10, None, None]})
    assert row["certainty"] == "not reached"
    assert row.drop(["experiment", "optimizer", "certainty"]).isna().all()
    assert "No answer: at no batch size tried (4, 8) did most seeds arrive" in text


def from_above(sweep, seen, intervals=NONE):
    """Row and text of a sweep with batch sizes that hit at their first evaluation, step 50."""
    hit = {"last_miss": None}
    runs = runs_of(sweep) + [
        run(b, *({**result(s, 50), **hit} for s in range(3)), seed_steps_per_second=speed)
        for b, speed in seen.items()
    ]
    steps = steps_table(runs)
    cost, critical = costs(steps, speed_table(runs)), critical_table(steps)
    table = recommendation_table(cost, critical, intervals, RECORDS)
    others = other_optimizers(estimates(8.0), networks_table(runs), RECORDS)
    text = recommendation_text(table, cost, intervals, others, networks_table(runs), RECORDS)
    return table.iloc[0], text


def test_sizes_known_only_from_above_give_no_answer_but_a_remedy():
    row, text = from_above({}, {1: 200.0, 2: 180.0, 4: 150.0}, interval(1, 4, math.nan))
    assert row["certainty"] == "try a lower threshold"
    assert row[["fewest_gradients", "finishes_first", "seconds"]].isna().all()
    assert row["smallest_reaching"] == 1
    assert "known only from above: b = 1 (at most 50), 2 (at most 50), 4 (at most 50)" in text
    assert "Lower the threshold, or evaluate earlier (`fid.grid.first`)" in text
    assert "First to finish here: cannot be told" in text
    assert "How sure" not in text


def test_a_size_known_only_from_above_makes_the_answer_unsure():
    # 32 takes at most 1600 images and 5 s; 8 takes 1200 and 3 s.
    row, text = from_above(SWEEP, {32: 10.0}, interval(support=1.0))
    assert (row["fewest_gradients"], row["certainty"]) == (8, "try a lower threshold")
    assert pd.isna(row["finishes_first"])
    assert "one of them may be cheaper. Lower the threshold, or evaluate earlier" in text
    assert "These are b = 32." in text


def test_a_size_known_only_from_above_may_still_be_the_cheapest_for_sure():
    # 20 takes at most 1000 images, less than any other, and at most 1.25 s.
    row, text = from_above(SWEEP | {32: [90] * 3}, {20: 40.0}, interval(support=1.0))
    assert (row["fewest_gradients"], row["finishes_first"]) == (20, 20)
    assert row["certainty"] == "high"
    assert "at most 1,000 evaluations, N = at most 50" in text
    assert "First to finish here: b = 20**: at most 1.25 s" in text


def test_one_seed_has_no_interval_and_the_text_says_so():
    one = {b: steps[:1] for b, steps in SWEEP.items()}
    row, text = recommended(one, interval(low=None, high=None, support=math.nan))
    assert (row["fewest_gradients"], row["certainty"]) == (8, "low")
    assert "b = 8** (one seed: no interval): 1,200 evaluations" in text
    assert "one seed has no interval. Run three or more." in text
    assert "resamples" not in text


@pytest.mark.parametrize(
    ("images", "features", "few"),
    [(64, "classifier", True), (65, "classifier", False), (2048, "inception", True)],
)
def test_too_few_real_images_for_the_features_are_named(images, features, few):
    runs = [{**job, "dataset": {**job["dataset"], "images": images}} for job in runs_of(SWEEP)]
    records = [{**RECORDS[0], "features": features}]
    steps = steps_table(runs)
    cost, networks = costs(steps, speed_table(runs)), networks_table(runs)
    table = recommendation_table(cost, critical_table(steps), NONE, records)
    others = other_optimizers(estimates(8.0), networks, records)
    text = recommendation_text(table, cost, NONE, others, networks, records)
    assert (f"**Few images:** {images:,} real images are too few for" in text) == few


def test_an_interval_without_an_upper_end_says_at_least():
    _, text = recommended(SWEEP, interval(low=4, high=None))
    assert "(95 % interval at least 4)" in text


def test_an_experiment_that_was_not_trained_has_no_section():
    others = [{**RECORDS[0], "name": "biggan", "title": "BigGAN"}, *RECORDS]
    runs = runs_of(SWEEP)
    steps = steps_table(runs)
    cost = costs(steps, speed_table(runs))
    table = recommendation_table(cost, critical_table(steps), NONE, others)
    assert table["experiment"].tolist() == ["dcgan"]
    absent = other_optimizers(estimates(8.0), networks_table(runs), others)
    text = recommendation_text(table, cost, NONE, absent, networks_table(runs), others)
    assert "BigGAN" not in text


def test_only_sizes_that_may_be_cheaper_are_named_as_such():
    """b = 2 may need no image; b = 8 needs 400 at least, which is no less than b = 4 needs."""
    runs = [
        run(2, *(early(seed, 5000) for seed in range(3)), seed_steps_per_second=200.0),
        run(4, *(result(seed, 100) for seed in range(3)), seed_steps_per_second=100.0),
        run(8, result(0, 50), early(1, 100), result(2, 200), seed_steps_per_second=50.0),
    ]
    cost = costs(steps_table(runs), speed_table(runs))
    assert cost.set_index("batch_size")["upper_bound"].tolist() == [True, False, True]
    table = recommendation_table(cost, critical_table(steps_table(runs)), NONE, RECORDS)
    nothing = other_optimizers(estimates(8.0), networks_table(runs), RECORDS)
    text = recommendation_text(table, cost, NONE, nothing, networks_table(runs), RECORDS)
    assert table["fewest_gradients"].tolist() == [4]
    assert "These are b = 2." in text


def test_other_optimizers_get_proposition_3_4_with_the_experiments_rate_and_ratio():
    table = other_optimizers(estimates(8.0), networks_table(runs_of(SWEEP)), RECORDS)
    assert table.dtypes.astype(str).to_dict() == OTHER_OPTIMIZERS.types()
    assert table["optimizer"].tolist() == [name for name in OPTIMIZERS if name != "Adam"]
    # r alpha |S| / ((1 - beta1)^3 sqrt(Theta) scale), 300 parameters and 10,000 images.
    bound = 8.0 * 0.002 * 10_000 / math.sqrt(300)
    scale = {"AdaBelief": 0.5**3 * math.sqrt(4 / 0.001), "RMSProp": 1.0}
    for row in table.itertuples():
        expected = bound / scale.get(row.optimizer, math.nan)
        assert row.estimated_exact == pytest.approx(expected, nan_ok=True)
    assert set(table["generator_rate"]) == {0.002}


def test_without_a_ratio_the_others_are_unavailable():
    runs = runs_of(SWEEP)
    table = other_optimizers(estimates(math.nan), networks_table(runs), RECORDS)
    assert table["estimated"].isna().all()
    steps = steps_table(runs)
    cost = costs(steps, speed_table(runs))
    rows = recommendation_table(cost, critical_table(steps), NONE, RECORDS)
    text = recommendation_text(rows, cost, NONE, table, networks_table(runs), RECORDS)
    assert "| RMSProp | unavailable: no ratio was measured | |" in text
