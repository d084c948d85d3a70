"""Run records to N(b), SFO and critical batch sizes; what was not reached stays a state."""

import math

import numpy as np
import pandas as pd
import pytest
from critical_batch.analysis.aggregate import (
    critical_table,
    evaluation_table,
    median_sfo,
    networks_table,
    speed_table,
    steps_table,
)
from critical_batch.runtime.errors import UserError
from critical_batch.tables.aggregate import CRITICAL, EVALUATION, NETWORKS, SPEED, STEPS
from critical_batch.tables.training import EVALUATIONS


def result(seed, steps, status=None, last_miss=None, final_value=9.0):
    status = status or ("reached" if steps is not None else "step-limit")
    if last_miss is None:  # a seed that arrived missed at every step before
        last_miss = {"reached": (steps or 0) - 1, "step-limit": 6000, "diverged": None}.get(status)
    record = {"seed": seed, "status": status, "steps": steps, "last_miss": last_miss}
    return {**record, "first_hit": steps, "final_value": final_value, "final_step": steps or 6000}


def stop(at_most):
    return {"metric": "fid", "at_most": at_most}


def run(batch_size, *results, **changes):
    return {
        "experiment": "dcgan",
        "optimizer": "Adam",
        "batch_size": batch_size,
        "seeds": [one["seed"] for one in results],
        "dataset": {"name": "fashion", "images": 10_000, "sha256": "0"},
        "metric": "classifier-FID",
        "stop": stop(10.0),
        "generator_parameters": 300,
        "discriminator_parameters": 200,
        "results": list(results),
        "seconds": 10.0,
        "seed_steps_per_second": 200.0,
        "device": "cpu",
        **changes,
    }


def sweep(table):
    """Runs of {batch_size: steps of seeds 0, 1, ...}, None where a seed did not reach."""
    return [run(b, *(result(s, n) for s, n in enumerate(steps))) for b, steps in table.items()]


def critical(table):
    (row,) = critical_table(steps_table(sweep(table))).to_dict("records")
    return row


def sizes(row):
    """critical_batch_size, low, high with None for empty."""
    values = [row[key] for key in ("critical_batch_size", "low", "high")]
    return tuple(None if pd.isna(value) else value for value in values)


def test_steps_table_has_one_row_per_seed_and_statuses_without_numbers():
    table = steps_table(
        [
            run(16, result(1, None, "diverged"), result(0, 50)),
            run(8, result(2, None, "step-limit", last_miss=6000)),
            run(8, result(0, 100, last_miss=90), result(1, 120, last_miss=100)),
        ]
    )
    assert list(table.columns) == list(STEPS.columns)
    assert table.dtypes.astype(str).to_dict() == STEPS.types()
    assert table["batch_size"].tolist() == [8, 8, 8, 16, 16]
    assert table["seed"].tolist() == [0, 1, 2, 0, 1]
    assert table["status"].tolist() == ["reached", "reached", "step-limit", "reached", "diverged"]
    assert table["steps"].tolist() == [100, 120, pd.NA, 50, pd.NA]
    assert table["sfo"].tolist() == [800, 960, pd.NA, 800, pd.NA]
    assert table["bracket_low"].tolist() == [90, 100, 6000, 49, 0]
    assert table.index.tolist() == list(range(5))


def test_steps_table_writes_empty_cells():
    lines = steps_table(sweep({8: [100, None]})).to_csv(index=False).splitlines()
    assert lines == [
        "experiment,optimizer,batch_size,seed,steps,bracket_low,sfo,status",
        "dcgan,Adam,8,0,100,99,800,reached",
        "dcgan,Adam,8,1,,6000,,step-limit",
    ]


def test_sfo_beyond_32_bits():
    assert steps_table(sweep({32768: [10_000_000]}))["sfo"].tolist() == [327_680_000_000]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (run(8, result(0, 10, "timeout")), "'timeout'"),
        (run(8, result(0, None, "reached")), "'reached' and steps None"),
        (run(8, result(0, 10, "diverged")), "'diverged' and steps 10"),
        (run(8, {"seed": 0}), "lacks 'status'"),
        ({"experiment": "dcgan"}, r"dcgan/\?/b\?: run.json lacks 'optimizer'"),
    ],
)
def test_steps_table_names_a_damaged_record(bad, message):
    with pytest.raises(UserError, match=message):
        steps_table([bad])


def test_a_seed_that_occurs_twice_is_an_error():
    with pytest.raises(UserError, match="dcgan/Adam/b8: seed 0 occurs twice"):
        steps_table([run(8, result(0, 10), result(1, 10)), run(8, result(0, 12))])


def test_tables_of_nothing_have_their_columns():
    steps = steps_table([])
    assert list(steps.columns) == list(STEPS.columns)
    assert list(critical_table(steps).columns) == list(CRITICAL.columns)
    assert list(networks_table([]).columns) == list(NETWORKS.columns)
    assert list(speed_table([]).columns) == list(SPEED.columns)
    assert list(evaluation_table([], evaluations().iloc[:0]).columns) == list(EVALUATION.columns)


def test_networks_table_has_one_row_per_experiment():
    table = networks_table([run(8), run(16), run(8, experiment="biggan", stop=stop(25))])
    assert list(table.columns) == list(NETWORKS.columns)
    assert table.to_dict("records") == [
        {
            "experiment": name,
            "generator_parameters": 300,
            "discriminator_parameters": 200,
            "images": 10_000,
            "metric": "classifier-FID",
            "threshold": threshold,
        }
        for name, threshold in [("biggan", 25.0), ("dcgan", 10.0)]
    ]


def test_speed_is_the_median_over_groups_of_seeds_and_seconds_their_sum():
    groups = [
        run(8, result(0, 100), result(1, 100), seed_steps_per_second=300.0, seconds=1.5),
        run(8, result(2, 100), seed_steps_per_second=100.0, device="NVIDIA A100"),
        run(8, result(3, 100), seed_steps_per_second=110.0),
        run(4, result(0, 100)),
    ]
    table = speed_table(groups)
    assert table.dtypes.astype(str).to_dict() == SPEED.types()
    assert table["batch_size"].tolist() == [4, 8]
    last = table.iloc[1]
    assert (last["seeds"], last["seconds"], last["seed_steps_per_second"]) == (4, 21.5, 110.0)
    assert last["device"] == "NVIDIA A100, cpu"


def test_speed_names_a_record_without_it():
    record = run(8, result(0, 10))
    del record["seed_steps_per_second"]
    with pytest.raises(UserError, match=r"b8: run\.json lacks 'seed_steps_per_second'"):
        speed_table([record])


def test_networks_table_refuses_runs_that_differ():
    with pytest.raises(UserError, match=r"b16: threshold is 12, other runs of dcgan have 10\.0"):
        networks_table([run(8), run(16, stop=stop(12))])


def test_median_counts_an_unreached_seed_as_infinite():
    table = {2: [None, None, 30], 4: [20, None, 30], 8: [10, 20, 90], 16: [None] * 3}
    medians = median_sfo(steps_table(sweep(table)))
    assert medians["batch_size"].tolist() == [2, 4, 8, 16]
    assert medians["median_steps"].tolist() == [math.inf, 30, 20, math.inf]
    assert medians["median_sfo"].tolist() == [math.inf, 120, 160, math.inf]
    assert medians["seeds"].tolist() == [3] * 4
    assert medians["seeds_reached"].tolist() == [1, 2, 3, 0]


def test_half_of_the_seeds_is_no_majority():
    medians = median_sfo(steps_table(sweep({4: [20, None], 8: [10, 20]})))
    assert medians["median_steps"].tolist() == [math.inf, 15]


def test_critical_batch_size_minimises_the_median_sfo():
    # SFO of the seeds: 2: 200 240 400, 4: 120 160 400, 8: 240 240 80
    row = critical({2: [100, 120, 200], 4: [30, 40, 100], 8: [30, 30, 10]})
    assert sizes(row) == (4, 4, 8)
    assert (row["at_edge"], row["seeds"], row["seeds_reached"]) == ("", 3, 3)


def test_types_of_critical_table():
    table = critical_table(steps_table(sweep({2: [None], 4: [None]})))
    assert list(table.columns) == list(CRITICAL.columns)
    assert table.dtypes.astype(str).to_dict() == CRITICAL.types()


def test_nothing_reached_keeps_the_row():
    row = critical({2: [None, None, None], 4: [None, None, None]})
    assert sizes(row) == (None, None, None)
    assert (row["at_edge"], row["seeds"], row["seeds_reached"]) == ("", 3, 0)


def test_one_of_three_reached_is_no_critical_batch_size():
    row = critical({2: [None, 10, None], 4: [10, None, None]})
    assert sizes(row) == (None, None, None)
    assert row["seeds_reached"] == 0


def test_a_minority_at_a_cheap_batch_size_does_not_decide():
    # Two of three fail at 2, where the third is cheapest: it shows in low only.
    row = critical({2: [10, None, None], 4: [40, 40, 40], 8: [90, 90, 90]})
    assert sizes(row) == (4, 2, 4)
    assert row["at_edge"] == ""


def test_seeds_reached_is_counted_at_the_critical_batch_size():
    row = critical({2: [90, 90, 90], 4: [10, None, 11], 8: [90, 90, 90]})
    assert sizes(row) == (4, 2, 4)
    assert row["seeds_reached"] == 2


def test_a_seed_that_arrived_nowhere_has_no_batch_size_of_its_own():
    row = critical({2: [90, 90, None], 4: [10, 10, None], 8: [90, 90, None]})
    assert sizes(row) == (4, 4, 4)
    assert (row["seeds"], row["seeds_reached"]) == (3, 2)


def test_ties_go_to_the_smaller_batch_size():
    assert sizes(critical({16: [5, 5], 2: [80] * 2, 4: [20] * 2, 8: [10] * 2})) == (4, 4, 4)


def test_one_seed_has_no_range():
    assert sizes(critical({2: [80], 4: [20], 8: [30]})) == (4, None, None)


@pytest.mark.parametrize(
    ("table", "edge"),
    [
        ({2: [10], 4: [90], 8: [90]}, "smallest"),
        ({2: [90], 4: [40], 8: [5]}, "largest"),
        ({2: [None], 4: [10], 8: [90]}, ""),  # 2 was tried
        ({2: [90], 4: [10], 8: [None]}, ""),
        ({2: [None], 4: [None], 8: [10]}, "largest"),
        ({4: [10]}, "smallest"),
    ],
)
def test_at_edge_counts_what_was_tried(table, edge):
    assert critical(table)["at_edge"] == edge


def test_groups_do_not_mix():
    runs = [*sweep({2: [10], 4: [90]}), run(4, result(0, 1), optimizer="RMSProp")]
    runs += [run(8, result(0, None), experiment="biggan")]
    table = critical_table(steps_table(runs))
    keys = list(zip(table["experiment"], table["optimizer"], strict=True))
    assert keys == [("biggan", "Adam"), ("dcgan", "Adam"), ("dcgan", "RMSProp")]
    assert table["critical_batch_size"].tolist() == [pd.NA, 2, 4]


def evaluations(batch_size=8, **by_seed):
    rows = [
        ("dcgan", "Adam", batch_size, int(seed[1:]), k, 5000, fid)
        for seed, fids in by_seed.items()
        for k, fid in enumerate(fids)
    ]
    return EVALUATIONS.frame(rows)


def test_evaluation_compares_with_the_threshold_both_ways():
    job = run(8, *(result(s, n) for s, n in enumerate([100, 100, None, None, 100])))
    table = evaluation_table(
        [job], evaluations(s0=[9, 10], s1=[10.5, 10.1], s2=[11, 13], s3=[8, 9], s4=[9, 11])
    )
    assert list(table.columns) == list(EVALUATION.columns)
    assert table.dtypes.astype(str).to_dict() == EVALUATION.types()
    assert table["mean"].tolist() == pytest.approx([9.5, 10.3, 12, 8.5, 10])
    assert table["sd"][2] == pytest.approx(math.sqrt(2))
    assert table["agrees"].tolist() == [True, False, True, False, True]
    assert table["in_loop"].tolist() == [9.0] * 5
    # One distance far off counts with all of it: 9, 9.5 and 17.5 are 12 on the average.
    table = evaluation_table([run(8, result(0, 100))], evaluations(s0=[9, 9.5, 17.5]))
    assert table[["mean", "agrees"]].to_numpy().tolist() == [[12, False]]


def test_evaluation_of_a_diverged_seed_is_empty_not_false():
    job = run(8, result(0, None, "diverged", final_value=None), result(1, None, "diverged"))
    table = evaluation_table([job], evaluations(s0=[np.nan, np.nan]))
    assert table["status"].tolist() == ["diverged"] * 2
    assert table[["mean", "sd", "agrees"]].isna().all(axis=None)
    assert table["in_loop"].isna().tolist() == [True, False]


def test_one_missing_distance_is_not_averaged_away():
    table = evaluation_table([run(8, result(0, 10))], evaluations(s0=[9, np.nan]))
    assert table[["mean", "agrees"]].isna().all(axis=None)
    table = evaluation_table([run(8, result(0, 10))], evaluations(s0=[9, 11, np.nan]))
    assert table[["mean", "sd", "agrees"]].isna().all(axis=None)


def test_one_evaluation_seed_has_no_standard_deviation():
    table = evaluation_table([run(8, result(0, 10))], evaluations(s0=[9]))
    assert table["mean"].tolist() == [9]
    assert table["sd"].isna().all()


def test_evaluation_is_sorted_and_refuses_unknown_seeds():
    runs = [run(16, result(0, 10)), run(8, result(0, 10))]
    table = evaluation_table(runs, pd.concat([evaluations(16, s0=[9]), evaluations(8, s0=[8])]))
    assert table["batch_size"].tolist() == [8, 16]
    assert table["mean"].tolist() == [8, 9]
    assert table.index.tolist() == [0, 1]
    message = r"^dcgan/Adam: evaluation\.csv evaluates seed 7 at b = 8, "
    with pytest.raises(UserError, match=message):
        evaluation_table([run(8, result(0, 10))], evaluations(s0=[9], s9=[9], s7=[9]))


def test_a_run_stopped_too_early_may_hide_the_minimum():
    table = {4: [700] * 3, 8: [600] * 3}
    runs = sweep(table)
    for limit, edge in ((2799, "censored"), (2800, "")):
        short = [result(seed, None, last_miss=limit) for seed in range(3)]
        (row,) = critical_table(steps_table([run(1, *short), *runs])).to_dict("records")
        assert row["critical_batch_size"] == 4
        assert row["at_edge"] == edge


def test_a_diverged_batch_size_hides_nothing():
    diverged = [result(seed, None, "diverged", last_miss=50) for seed in range(3)]
    runs = [run(1, *diverged), *sweep({4: [700] * 3, 8: [600] * 3})]
    assert critical_table(steps_table(runs))["at_edge"].tolist() == [""]


def early(seed, steps):
    """A seed that was at or below the threshold when it was evaluated for the first time."""
    return {**result(seed, steps), "last_miss": None}


def with_early(table, seen):
    """Runs of `sweep` with batch sizes whose seeds all hit at their first evaluation."""
    first = [run(b, *(early(s, n) for s, n in enumerate(steps))) for b, steps in seen.items()]
    return steps_table([*sweep(table), *first])


def test_sizes_known_only_from_above_have_no_order():
    # The cost at the first look grows with b whatever N is: b = 1 is no answer.
    steps = with_early({}, {b: [50] * 3 for b in (1, 2, 4, 8)})
    (row,) = critical_table(steps).to_dict("records")
    assert sizes(row) == (None, None, None)
    assert (row["at_edge"], row["seeds_reached"]) == ("early", 0)
    assert median_sfo(steps)["upper_bound"].all()


@pytest.mark.parametrize(
    ("known", "seen", "size", "edge"),
    [
        # 16 costs at most 800, less than all others: it is the cheapest, whatever N(16) is.
        ({2: 900, 4: 300, 8: 240}, {16: 50}, 16, "largest"),
        # 16 costs at most 800, more than 4: it may be cheaper all the same.
        ({2: 400, 4: 150, 8: 90}, {16: 50}, 4, "early"),
        ({2: 90, 4: 150, 8: 90}, {16: 50}, 2, "early"),  # and is no bound from above
        # Two sizes from above, the cheaper of which undercuts the rest: which of them, is unknown.
        ({2: 900, 4: 300}, {8: 50, 16: 50}, None, "early"),
        # At the first step there is nothing below: N = 1.
        ({2: 90, 4: 40}, {16: 1}, 16, "largest"),
        ({2: 3, 4: 4}, {16: 1}, 2, "smallest"),
    ],
)
def test_a_size_known_only_from_above_is_never_the_dearer_one(known, seen, size, edge):
    steps = with_early(
        {b: [n] * 3 for b, n in known.items()}, {b: [n] * 3 for b, n in seen.items()}
    )
    (row,) = critical_table(steps).to_dict("records")
    assert (None if pd.isna(row["critical_batch_size"]) else row["critical_batch_size"]) == size
    assert row["at_edge"] == edge


def test_a_median_is_an_upper_bound_where_it_hangs_on_one():
    runs = [
        run(2, early(0, 50), result(1, 70), result(2, 90)),  # 70, whatever the first seed needs
        run(4, early(0, 50), early(1, 50), result(2, 90)),  # at most 50
        run(8, early(0, 80), result(1, 70), result(2, 90)),  # 70 to 80
        run(16, early(0, 50), result(1, 70)),  # at most 60
        run(32, early(0, 50), result(1, None)),  # not reached by a majority
        run(64, early(0, 50), result(1, None), result(2, 80)),
    ]
    table = median_sfo(steps_table(runs))
    assert table["median_steps"].tolist() == [70, 50, 80, 60, math.inf, 80]
    assert table["upper_bound"].tolist() == [False, True, True, True, False, False]


def test_a_seed_that_hit_early_twice_has_no_size_of_its_own():
    runs = [
        run(2, result(0, 300), early(1, 50), result(2, 300)),
        run(4, result(0, 100), early(1, 50), result(2, 100)),
        run(8, result(0, 90), result(1, 90), result(2, 40)),
    ]
    (row,) = critical_table(steps_table(runs)).to_dict("records")
    assert sizes(row) == (4, 4, 8)


def test_a_run_stopped_too_early_counts_before_the_edge():
    # b = 1 was stopped after 600 images, b = 2 needed 1000: it may still be the cheaper one.
    short = [result(seed, None, last_miss=600) for seed in range(3)]
    runs = [run(1, *short), *sweep({2: [500] * 3})]
    (row,) = critical_table(steps_table(runs)).to_dict("records")
    assert (row["critical_batch_size"], row["at_edge"]) == (2, "censored")
