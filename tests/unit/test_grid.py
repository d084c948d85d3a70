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
