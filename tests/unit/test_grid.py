"""When the FID is looked at."""

from itertools import pairwise

import pytest
from critical_batch.training.grid import Limits, LinearGrid, LogGrid


def test_log_grid_has_constant_relative_resolution_and_ends_at_the_limit():
    steps = LogGrid(50, 1.1).steps(1000)
    assert steps[:3] == [50, 55, 61]
    assert steps[-1] == 1000
    assert all(1.05 < b / a < 1.15 for a, b in pairwise(steps[:-1]))


def test_log_grid_never_repeats_a_step():
    steps = LogGrid(1, 1.01).steps(50)
    assert steps == list(range(1, 51))


def test_linear_grid_is_the_cadence_of_the_authors():
    assert LinearGrid(10000).steps(25000) == [10000, 20000, 25000]


def test_limit_is_evaluated_once_even_when_it_lies_on_the_grid():
    assert LinearGrid(10).steps(20) == [10, 20]


@pytest.mark.parametrize("limit", [1, 9, 10, 11, 12, 639, 640, 641, 1000])
def test_log_grid_is_the_geometric_series_below_the_limit_and_the_limit(limit):
    series = [10, 20, 40, 80, 160, 320, 640]
    steps = LogGrid(10, 2).steps(limit)
    assert steps == [step for step in series if step < limit] + [limit]
    # Rounded, each from the exact product and not from what was rounded before.
    steps = LogGrid(10, 1.25).steps(40)
    assert steps == [10, 12, 16, 20, 24, 31, 38, 40]


@pytest.mark.parametrize(("first", "factor"), [(50, 1.1), (3, 1.37), (2, 1.01), (1, 1.0001)])
def test_steps_increase_up_to_any_limit(first, factor):
    grid = LogGrid(first, factor)
    longest = grid.steps(400)
    for limit in range(1, 400):
        steps = grid.steps(limit)
        assert all(a < b for a, b in pairwise(steps)), limit
        assert steps[-1] == limit
        # The limit cuts the grid and moves no step of it.
        assert steps[:-1] == [step for step in longest if step < limit]


@pytest.mark.parametrize("limit", range(1, 25))
def test_linear_grid_is_every_multiple_below_the_limit_and_the_limit(limit):
    steps = LinearGrid(4).steps(limit)
    assert steps == [step for step in range(1, limit) if step % 4 == 0] + [limit]
    assert LinearGrid(4).most(limit) == len(steps)


def test_a_run_has_a_step_however_few_samples_there_are():
    assert Limits(1000, 63).last_step(64) == 1
    assert Limits(1000, 128).last_step(64) == 2
    assert Limits(1, None).last_step(64) == 1
    assert Limits(7, 7).last_step(1) == 7


def test_samples_shorten_a_run_with_a_large_batch():
    assert Limits(1000, 6400).last_step(64) == 100
    assert Limits(1000, 6400).last_step(2) == 1000
    assert Limits(1000).last_step(64) == 1000


@pytest.mark.parametrize("limit", [1, 2, 50, 1000, 250_000])
@pytest.mark.parametrize(
    "grid",
    [
        *(LinearGrid(every) for every in (1, 7, 10_000)),
        *(
            LogGrid(first, factor)
            for first in (1, 50, 400)
            for factor in (1.0001, 1.01, 1.1, 2, 1000)
        ),
    ],
    ids=str,
)
def test_the_number_of_evaluations_is_bounded_without_listing_them(grid, limit):
    number = len(grid.steps(limit))
    assert number <= grid.most(limit) <= 1.2 * number + 4


@pytest.mark.parametrize("factor", [1.01, 1.1, 1.5, 2, 10, 1000])
@pytest.mark.parametrize("first", [1, 3, 50])
def test_the_bound_is_one_or_two_more_than_the_number_of_evaluations(first, factor):
    grid = LogGrid(first, factor)
    for limit in [*range(1, 120), *range(200, 6000, 371)]:
        number = len(grid.steps(limit))
        assert number < grid.most(limit) <= number + 2, limit
