"""Critical batch sizes at other thresholds: read off the histories, and only what they know."""

import math

import numpy as np
import pandas as pd
import pytest
from critical_batch.analysis.aggregate import critical_table, steps_table
from critical_batch.analysis.thresholds import (
    first_hits,
    read_history,
    threshold_table,
    thresholds,
    trend_table,
)
from critical_batch.runtime.errors import UserError
from critical_batch.tables.statistics import THRESHOLD, TREND
from critical_batch.training.grid import LogGrid

GRID = LogGrid(50, 1.1).steps(6000)


def trained(batch_size, fids, threshold=10.0, optimizer="Adam", experiment="dcgan"):
    """A run.json and its history as the training loop would write them: fids per seed."""
    results, history = [], {}
    for seed, curve in enumerate(fids):
        steps = np.array(GRID[: len(curve)])
        curve = np.array(curve, dtype=float)
        ends = np.flatnonzero((curve <= threshold) | ~np.isfinite(curve))
        last = ends[0] if ends.size else len(curve) - 1
        steps, curve = steps[: last + 1], curve[: last + 1]
        status = "step-limit"
        if ends.size:
            status = "reached" if np.isfinite(curve[-1]) else "diverged"
        misses = steps if status == "step-limit" else steps[:-1]
        history[seed] = steps, curve
        results.append(
            {
                "seed": seed,
                "status": status,
                "steps": int(steps[-1]) if status == "reached" else None,
                "last_miss": int(misses[-1]) if misses.size else None,
            }
        )
    names = {"experiment": experiment, "optimizer": optimizer, "batch_size": batch_size}
    stop = {"metric": "fid", "at_most": threshold}
    return {**names, "stop": stop, "results": results}, history


def theoretical(batch_size, seeds=2):
    """FID curves whose N at a threshold t is that of Theorem 3.2 with eps^2 = t.

    N = A b / ((t - C) b - B) turned round is t = C + B / b + A / N, with a little noise per seed.
    """
    noise = 1 + 0.02 * np.arange(seeds)[:, None]
    return (2.0 + 24.0 / batch_size + 3000.0 * noise / np.array(GRID)).tolist()


def sweep(sizes=(2, 4, 8, 16, 32, 64), threshold=10.0):
    return [trained(b, theoretical(b), threshold) for b in sizes]


def test_thresholds_begin_with_the_configured_one():
    values = thresholds(7.123456)
    assert values[0] == 7.123456
    assert len(values) == 11
    assert values[-1] == pytest.approx(3 * values[0], rel=1e-3)
    np.testing.assert_allclose(values[1:] / values[:-1], 3 ** (1 / 10), rtol=1e-3)


def test_first_hits_against_a_plain_loop():
    random = np.random.default_rng(0)
    fids = 100 * 0.9 ** np.arange(40) * random.uniform(0.8, 1.25, 40)
    fids[7] = math.nan
    steps = np.arange(10, 410, 10)
    levels = np.array([1.0, 5.0, 20.0, 70.0, 1000.0])
    hits, misses = first_hits(steps, fids, levels)
    for level, hit, miss in zip(levels, hits, misses, strict=True):
        expected = next((i for i, fid in enumerate(fids) if fid <= level), None)
        assert hit == (math.inf if expected is None else steps[expected])
        before = len(steps) if expected is None else expected
        assert miss == (steps[before - 1] if before else 0)


def test_a_distance_equal_to_the_level_hits_it():
    hits, misses = first_hits(np.array([10, 20, 30]), np.array([9.0, 8.0, 7.0]), np.array([8.0]))
    assert (hits.tolist(), misses.tolist()) == ([20], [10])


def test_first_hits_of_no_evaluation():
    hits, misses = first_hits(np.array([]), np.array([]), np.array([5.0]))
    assert (hits.tolist(), misses.tolist()) == ([math.inf], [0])


def test_at_the_configured_threshold_the_measured_size_comes_out():
    """Statuses included: step limits, divergence, and a diverged seed whose FID looks fine."""
    records = sweep()
    records.append(trained(128, [[50.0, 40.0, math.nan], [60.0] * 9]))
    run, history = trained(1, [[50.0, 9.0]])  # the cheapest, had it arrived
    run["results"][0].update(status="diverged", steps=None)
    records.append((run, history))
    table = threshold_table(records)
    measured = critical_table(steps_table([run for run, _ in records]))
    lowest = table[table["threshold"] == 10.0].drop(columns="threshold")
    pd.testing.assert_frame_equal(lowest.reset_index(drop=True), measured)


def test_critical_size_grows_as_the_threshold_falls_where_the_theory_holds():
    table = threshold_table(sweep(threshold=6.0))
    sizes = table["critical_batch_size"].astype("float64")
    assert table["threshold"].is_monotonic_increasing
    # b* = 2 B / (t - C): 12 at t = 6 and 3 at t = 18, on a grid of powers of two
    assert sizes.iloc[0] in (8, 16)
    assert sizes.iloc[-1] in (2, 4)
    assert (sizes.diff().dropna() <= 0).all()
    (row,) = trend_table(table).to_dict("records")
    assert (row["thresholds"], row["size_at_lowest"]) == (11, sizes.iloc[0])
    assert row["kendall_tau"] < -0.7


def test_a_threshold_that_few_reached_keeps_its_row():
    records = [trained(b, [[500.0, 100.0, 30.0, 12.0]] * 2, threshold=5.0) for b in (4, 8)]
    table = threshold_table(records)
    assert len(table) == 11
    reached = table["threshold"] >= 12.0
    assert reached.any()
    assert table.loc[~reached, "critical_batch_size"].isna().all()
    assert (table.loc[~reached, "seeds_reached"] == 0).all()
    assert (table.loc[reached, "critical_batch_size"] == 4).all()
    assert (table["seeds"] == 2).all()


def test_experiments_have_thresholds_of_their_own():
    records = [*sweep(), trained(4, [[60.0, 20.0]], threshold=20.0, experiment="biggan")]
    table = threshold_table(records)
    assert table.groupby("experiment")["threshold"].min().to_dict() == {"biggan": 20, "dcgan": 10}
    assert table.dtypes.astype(str).to_dict() == THRESHOLD.types()
    assert table.duplicated(["experiment", "optimizer", "threshold"]).sum() == 0


def trend_of(sizes, early=()):
    count = len(sizes)
    table = pd.DataFrame({"experiment": "e", "optimizer": "o", "threshold": range(count)})
    table["critical_batch_size"] = pd.array(sizes, dtype="Int64")
    table["at_edge"] = ["early" if place in early else "" for place in range(count)]
    (row,) = trend_table(table).to_dict("records")
    return row


def test_trend():
    assert trend_of([16, 8, 4, 2])["kendall_tau"] == pytest.approx(-1)
    assert trend_of([2, 4, 8])["kendall_tau"] == pytest.approx(1)
    row = trend_of([None, 8, 8, 4, None])
    assert (row["thresholds"], row["size_at_lowest"], row["size_at_highest"]) == (3, 8, 4)
    assert -1 < row["kendall_tau"] < 0
    for constant in ([4, 4, 4], [4, 2], [None, None, None]):
        assert math.isnan(trend_of(constant)["kendall_tau"])


def test_the_trend_does_not_depend_on_the_order_of_the_rows():
    table = threshold_table(sweep(threshold=6.0))
    turned = table.iloc[::-1]
    pd.testing.assert_frame_equal(trend_table(turned), trend_table(table))


def test_a_size_that_others_may_undercut_is_no_part_of_the_trend():
    row = trend_of([16, 8, 4, 64, None], early=(3, 4))
    assert (row["thresholds"], row["size_at_highest"]) == (3, 4)
    assert row["kendall_tau"] == pytest.approx(-1)


def test_a_threshold_passed_at_the_first_evaluation_gives_bounds_only():
    # All fall below 30 before they are evaluated at all, and pass 10 where they can be seen.
    records = [trained(b, [[28.0, 20.0, 14.0, 9.0]] * 3, threshold=10.0) for b in (2, 4, 8)]
    table = threshold_table(records).set_index("threshold")
    assert table.loc[10.0, "critical_batch_size"] == 2
    assert table.loc[10.0, "at_edge"] == "smallest"
    assert pd.isna(table.loc[30.0, "critical_batch_size"])
    assert table.loc[30.0, "at_edge"] == "early"


def test_tables_of_nothing_have_their_columns():
    table = threshold_table([])
    assert list(table.columns) == list(THRESHOLD.columns)
    assert trend_table(table).dtypes.astype(str).to_dict() == TREND.types()


def test_reads_a_history_by_the_names_of_its_columns(tmp_path):
    path = tmp_path / "history.csv"
    path.write_text("step,fid,loss,seed\n10,9.5,1.0,3\n10,nan,1.0,4\n20,8.25,1.0,3\n")
    history = read_history(path, "fid")
    assert {seed: steps.tolist() for seed, (steps, _) in history.items()} == {3: [10, 20], 4: [10]}
    assert history[3][1].tolist() == [9.5, 8.25]
    assert np.isnan(history[4][1]).all()


@pytest.mark.parametrize(
    "text", ["", "seed,step\n0,10\n", "seed,step,fid\n0,ten,9\n", "seed,step,fid\n0\n"]
)
def test_a_damaged_history_is_one_line(tmp_path, text):
    path = tmp_path / "history.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=r"history\.csv is not a history: delete it"):
        read_history(path, "fid")


def test_a_missing_history_is_one_line(tmp_path):
    with pytest.raises(UserError, match=r"history\.csv is missing"):
        read_history(tmp_path / "history.csv", "fid")


def test_a_history_without_a_seed_names_the_run():
    run, history = trained(8, [[5.0], [5.0]])
    del history[1]
    with pytest.raises(UserError, match=r"run dcgan/Adam/b8: history\.csv lacks seed 1"):
        threshold_table([(run, history)])
