"""What is known only from above, against every number that it may stand for.

A seed that hit at its first evaluation needed at most that many steps, or none at all; one that was
stopped needs more steps than its last miss. Each is tried at both ends, between which lie the costs
of a batch size.
"""

import itertools
import math
import statistics

import numpy as np
import pandas as pd
import pytest
from critical_batch.analysis.aggregate import critical_table, median_sfo, steps_table
from critical_batch.analysis.bootstrap import bootstrap_tables, cheapest_between
from critical_batch.analysis.recommendation import costs, recommendation_table
from critical_batch.reporting.figures.cost import cost_table
from critical_batch.tables.statistics import CRITICAL_INTERVALS
from figure_examples import speed_of
from test_aggregate import early, result, run

LIMIT = 100
SIZES = [1, 3, 8, 200]
BARELY = 1e-9


def ends(seed):
    """All the numbers of steps that a result may stand for: the smallest and the largest."""
    if seed["status"] == "diverged":
        return [math.inf]
    if seed["status"] == "step-limit":
        return [seed["last_miss"] + BARELY, math.inf]
    early = seed["last_miss"] is None and seed["steps"] > 1
    return [0, seed["steps"]] if early else [seed["steps"]]


def between(seeds):
    """The smallest and the largest median that the seeds of a batch size may have."""
    medians = [statistics.median(numbers) for numbers in itertools.product(*map(ends, seeds))]
    return min(medians), max(medians)


def answer(by_size):
    """Cheapest size, or None, and the doubt, of {batch size: results of its seeds}."""
    cost = {b: [b * steps for steps in between(seeds)] for b, seeds in by_size.items()}
    best = min(cost, key=lambda b: (cost[b][1], b))
    if math.isinf(cost[best][1]):
        return None, ""
    rivals = [b for b in cost if b != best and cost[b][0] < cost[best][1]]
    if any(math.isfinite(cost[b][1]) for b in rivals):
        return None if cost[best][0] < cost[best][1] else best, "early"
    if rivals:
        return best, "censored"
    edges = {max(by_size): "largest", min(by_size): "smallest"}
    return best, edges.get(best, "")


def drawn_seed(random, seed):
    kind, number = random.choice(5, p=[0.4, 0.3, 0.1, 0.1, 0.1]), int(random.integers(1, LIMIT))
    return [
        result(seed, number),
        early(seed, number),
        result(seed, None, last_miss=LIMIT),
        result(seed, None, "diverged", last_miss=number),
        early(seed, 1),
    ][kind]


def drawn_sweep(draw):
    random = np.random.default_rng([11, draw])
    sizes = SIZES[: 1 + draw % len(SIZES)]
    return {b: [drawn_seed(random, seed) for seed in range(1 + draw % 5)] for b in sizes}


SWEEPS = {f"e{draw:03}": drawn_sweep(draw) for draw in range(300)}


def records_of(sweeps):
    """Runs of {experiment: {batch size: results}}."""
    return [
        run(b, *seeds, experiment=name)
        for name, sweep in sweeps.items()
        for b, seeds in sweep.items()
    ]


@pytest.fixture(scope="module")
def steps():
    return steps_table(records_of(SWEEPS))


def number(value):
    return None if pd.isna(value) else value


def test_medians_and_what_they_are_at_least(steps):
    table = median_sfo(steps).set_index(["experiment", "batch_size"])
    assert table["upper_bound"].sum() > 100
    for (name, b), row in table.iterrows():
        seeds = SWEEPS[name][b]
        least, most = between(arrived(seeds))
        assert (row["least_steps"], row["median_steps"]) == (least, most)
        assert row["upper_bound"] == (least < most)
        assert row["median_sfo"] == b * most
        assert row["seeds_reached"] == sum(s["status"] == "reached" for s in seeds)


def test_critical_sizes_are_those_that_no_possible_number_contradicts(steps):
    table = critical_table(steps).set_index("experiment")
    assert set(table["at_edge"]) == {"", "early", "censored", "smallest", "largest"}
    for name, row in table.iterrows():
        sweep = SWEEPS[name]
        size, edge = answer(sweep)
        assert (number(row["critical_batch_size"]), row["at_edge"]) == (size, edge), name
        count = len(sweep[1])
        at_size = sweep.get(size, [])
        assert row["seeds"] == count
        assert row["seeds_reached"] == sum(s["status"] == "reached" for s in at_size)
        own = [answer({b: [seeds[k]] for b, seeds in sweep.items()})[0] for k in range(count)]
        own = [one for one in own if one is not None]
        spread = (min(own), max(own)) if own and size is not None and count > 1 else (None, None)
        assert (number(row["low"]), number(row["high"])) == spread, name


def quickest(sweep, speed):
    """Batch size and seconds of the first to finish, both None where none is for sure."""
    seconds = {b: [n / speed for n in between(arrived(seeds))] for b, seeds in sweep.items()}
    best = min(seconds, key=lambda b: (seconds[b][1], b))
    sure = all(seconds[b][0] >= seconds[best][1] for b in seconds if b != best)
    return (best, seconds[best][1]) if sure and math.isfinite(seconds[best][1]) else (None, None)


def arrived(seeds):
    """The same where a seed that was stopped never arrives."""
    return [{**s, "status": "diverged"} if s["status"] == "step-limit" else s for s in seeds]


def test_the_first_to_finish_is_the_one_that_no_possible_number_contradicts():
    sweeps = dict(list(SWEEPS.items())[:60])
    steps = steps_table(records_of(sweeps))
    keys = ["experiment", "optimizer", "batch_size"]
    speed = steps[keys].drop_duplicates().assign(seed_steps_per_second=4.0, device="cpu")
    records = [{"name": name, "optimizers": ["Adam"]} for name in sweeps]
    none = CRITICAL_INTERVALS.frame()
    table = recommendation_table(costs(steps, speed), critical_table(steps), none, records)
    for row in table.itertuples():
        sweep = sweeps[row.experiment]
        assert (number(row.finishes_first), number(row.seconds)) == quickest(sweep, 4.0)
        reaching = [b for b, seeds in sweep.items() if math.isfinite(between(arrived(seeds))[1])]
        assert number(row.smallest_reaching) == min(reaching, default=None)


def test_stars_of_the_cost_stand_where_an_answer_is_sure():
    sweeps = dict(list(SWEEPS.items())[:60])
    steps = steps_table(records_of(sweeps))
    bootstrap = bootstrap_tables(steps, 5)[0]
    assert (
        bootstrap["upper_bound"] == (bootstrap["least_steps"] < bootstrap["median_steps"])
    ).all()
    speed = speed_of(steps).assign(seed_steps_per_second=4.0)
    names = {"optimizer": bootstrap["experiment"]}  # a figure has one experiment
    table = cost_table(
        bootstrap.assign(**names), speed.assign(optimizer=speed["experiment"])
    ).set_index("optimizer")
    for row in critical_table(steps).itertuples():
        stars = table.loc[[row.experiment]]
        fewest = [] if row.at_edge == "early" else [number(row.critical_batch_size)]
        found = stars.loc[stars["fewest_images"], "batch_size"].tolist()
        assert found == [size for size in fewest if size is not None]
        found = stars.loc[stars["fastest"], "batch_size"].tolist()
        expected, _ = quickest(sweeps[row.experiment], 4.0)
        assert found == ([] if expected is None else [expected])


def test_a_network_that_needs_no_training_is_not_the_dearer_one():
    # One step of 200 images would cost more than the 90 of b = 1. But it may need no step at all.
    runs = [run(1, *(result(s, 90) for s in range(3))), run(200, *(early(s, 50) for s in range(3)))]
    (row,) = critical_table(steps_table(runs)).to_dict("records")
    assert (row["critical_batch_size"], row["at_edge"]) == (1, "early")
    runs[0] = run(1, *(early(s, 50) for s in range(3)))
    (row,) = critical_table(steps_table(runs)).to_dict("records")
    assert pd.isna(row["critical_batch_size"])
    assert row["at_edge"] == "early"


def test_one_step_is_no_bracket():
    """N = 1 is exactly 1 in every resample: 16 images, more than the 12 of b = 2."""
    runs = [run(2, *(result(s, 6) for s in range(3))), run(16, *(early(s, 1) for s in range(3)))]
    table, critical = bootstrap_tables(steps_table(runs))
    assert table.loc[1, ["steps_low", "median_steps", "steps_high"]].tolist() == [1, 1, 1]
    assert critical.loc[0, ["low", "high", "support"]].tolist() == [2, 2, 1]


def test_cheapest_of_resamples_against_a_plain_loop():
    random = np.random.default_rng(5)
    tried = np.array([2, 4, 8, 16])
    most = random.integers(1, 9, (4, 400)).astype(float)
    most[random.random(most.shape) < 0.3] = math.inf
    early_ones = random.random(most.shape) < 0.3
    least = np.where(early_ones & np.isfinite(most), most / 4, most)
    first, last = cheapest_between(least, most, tried)
    for k in range(400):
        smallest = min(most[:, k])
        if math.isinf(smallest):
            assert first[k] == last[k] == math.inf
            continue
        best = list(most[:, k]).index(smallest)
        may_be = [place for place in range(4) if place == best or least[place, k] < smallest]
        assert (first[k], last[k]) == (tried[min(may_be)], tried[max(may_be)])


def test_a_seed_that_was_stopped_before_others_arrived_is_no_first_evaluation():
    # b = 4: its median may be 100 as well as the 120 that counts; more steps would tell.
    stopped = run(4, result(0, 100), result(1, 120), result(2, None, last_miss=90))
    runs = [stopped, run(1, *(result(s, 450) for s in range(3)))]
    (row,) = critical_table(steps_table(runs)).to_dict("records")
    assert (row["critical_batch_size"], row["at_edge"]) == (1, "censored")


def test_stars_of_sizes_of_unknown_speed():
    runs = [
        run(2, *(result(s, 300) for s in range(3))),
        run(4, *(result(s, 200) for s in range(3))),
    ]
    steps = steps_table(runs)
    bootstrap = bootstrap_tables(steps, 5)[0]
    table = cost_table(bootstrap, speed_of(steps).iloc[:1])
    assert table["fewest_images"].tolist() == [True, False]
    assert table["fastest"].tolist() == [True, False]
    assert table["seconds"].isna().tolist() == [False, True]
