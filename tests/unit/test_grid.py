"""When the FID is looked at."""

from itertools import pairwise

import pytest
from ttur.training.grid import evaluation_bound, evaluation_steps, step_limit


def test_log_grid_has_constant_relative_resolution_and_ends_at_the_limit():
    steps = evaluation_steps({"kind": "log", "first": 50, "factor": 1.1}, 1000)
    assert steps[:3] == [50, 55, 61]
    assert steps[-1] == 1000
    assert all(1.05 < b / a < 1.15 for a, b in pairwise(steps[:-1]))


def test_log_grid_never_repeats_a_step():
    steps = evaluation_steps({"kind": "log", "first": 1, "factor": 1.01}, 50)
    assert steps == list(range(1, 51))


def test_linear_grid_is_the_cadence_of_the_authors():
    assert evaluation_steps({"kind": "linear", "every": 10000}, 25000) == [10000, 20000, 25000]


def test_limit_is_evaluated_once_even_when_it_lies_on_the_grid():
    assert evaluation_steps({"kind": "linear", "every": 10}, 20) == [10, 20]


@pytest.mark.parametrize("limit", [1, 9, 10, 11, 12, 639, 640, 641, 1000])
def test_log_grid_is_the_geometric_series_below_the_limit_and_the_limit(limit):
    series = [10, 20, 40, 80, 160, 320, 640]
    steps = evaluation_steps({"kind": "log", "first": 10, "factor": 2}, limit)
    assert steps == [step for step in series if step < limit] + [limit]
    # Rounded, each from the exact product and not from what was rounded before.
    steps = evaluation_steps({"kind": "log", "first": 10, "factor": 1.25}, 40)
    assert steps == [10, 12, 16, 20, 24, 31, 38, 40]


@pytest.mark.parametrize(("first", "factor"), [(50, 1.1), (3, 1.37), (2, 1.01), (1, 1.0001)])
def test_steps_increase_up_to_any_limit(first, factor):
    grid = {"kind": "log", "first": first, "factor": factor}
    longest = evaluation_steps(grid, 400)
    for limit in range(1, 400):
        steps = evaluation_steps(grid, limit)
        assert all(a < b for a, b in pairwise(steps)), limit
        assert steps[-1] == limit
        # The limit cuts the grid and moves no step of it.
        assert steps[:-1] == [step for step in longest if step < limit]


@pytest.mark.parametrize("limit", range(1, 25))
def test_linear_grid_is_every_multiple_below_the_limit_and_the_limit(limit):
    steps = evaluation_steps({"kind": "linear", "every": 4}, limit)
    assert steps == [step for step in range(1, limit) if step % 4 == 0] + [limit]
    assert evaluation_bound({"kind": "linear", "every": 4}, limit) == len(steps)


def test_a_run_has_a_step_however_few_samples_there_are():
    assert step_limit({"steps": 1000, "samples": 63}, 64) == 1
    assert step_limit({"steps": 1000, "samples": 128}, 64) == 2
    assert step_limit({"steps": 1, "samples": None}, 64) == 1
    assert step_limit({"steps": 7, "samples": 7}, 1) == 7


def test_samples_shorten_a_run_with_a_large_batch():
    assert step_limit({"steps": 1000, "samples": 6400}, 64) == 100
    assert step_limit({"steps": 1000, "samples": 6400}, 2) == 1000
    assert step_limit({"steps": 1000}, 64) == 1000


@pytest.mark.parametrize("limit", [1, 2, 50, 1000, 250_000])
@pytest.mark.parametrize(
    "grid",
    [
        *({"kind": "linear", "every": every} for every in (1, 7, 10_000)),
        *(
            {"kind": "log", "first": first, "factor": factor}
            for first in (1, 50, 400)
            for factor in (1.0001, 1.01, 1.1, 2, 1000)
        ),
    ],
    ids=str,
)
def test_the_number_of_evaluations_is_bounded_without_listing_them(grid, limit):
    number = len(evaluation_steps(grid, limit))
    assert number <= evaluation_bound(grid, limit) <= 1.2 * number + 4


@pytest.mark.parametrize("factor", [1.01, 1.1, 1.5, 2, 10, 1000])
@pytest.mark.parametrize("first", [1, 3, 50])
def test_the_bound_is_one_or_two_more_than_the_number_of_evaluations(first, factor):
    grid = {"kind": "log", "first": first, "factor": factor}
    for limit in [*range(1, 120), *range(200, 6000, 371)]:
        number = len(evaluation_steps(grid, limit))
        assert number < evaluation_bound(grid, limit) <= number + 2, limit
