"""Theorem 3.2 fitted to brackets and censored seeds: known constants are found and covered."""

import math

import numpy as np
import pandas as pd
import pytest
from critical_batch.analysis.censored_fit import CensoredFit, censored_fit_table, fit_censored
from critical_batch.analysis.interval_likelihood import maximise
from critical_batch.tables.aggregate import STEPS
from critical_batch.tables.theory import CENSORED_FIT
from critical_batch.training.grid import LogGrid
from scipy.optimize import minimize
from scipy.special import ndtr

POLE, FLOOR = 1.5, 500.0  # b* = 3, and 500 steps with infinite batches
SIZES = [1, 2, 4, 8, 16, 32, 64]
LOG_GRID = LogGrid(50, 1.1)


def steps(b, pole=POLE, floor=FLOOR):
    """N(b) of Theorem 3.2, infinite at and below the pole."""
    b = np.asarray(b, dtype=float)
    return np.where(b > pole, floor * b / np.maximum(b - pole, 1e-300), np.inf)


def bracketed(numbers, limit):
    """Last miss and first hit of true numbers of steps on the evaluation grid up to `limit`."""
    grid = np.array([0, *LOG_GRID.steps(limit), np.inf])
    index = np.searchsorted(grid, numbers)
    return grid[index - 1], grid[index]


def sweep(seed, sizes=SIZES, seeds=3, spread=0.25, limit=10**6, pole=POLE):
    """Batch sizes and brackets of seeds that scatter log-normally around the theorem."""
    b = np.repeat(sizes, seeds)
    noise = spread * np.random.default_rng([2023, seed]).standard_normal(b.size)
    return b, *bracketed(steps(b, pole) * np.exp(noise), limit)


@pytest.mark.parametrize(
    ("name", "options", "least_censored"),
    [
        ("all reached", {"sizes": SIZES[1:]}, 0.0),
        ("a third censored", {"limit": 900}, 1 / 3),
        ("two seeds, four sizes", {"sizes": [2, 4, 8, 16], "seeds": 2}, 0.0),
    ],
)
def test_coverage_of_the_interval(name, options, least_censored):
    covered, censored = [], []
    for seed in range(200):
        b, low, high = sweep(seed, **options)
        fit = fit_censored(b, low, high)
        # A fit without a critical size claims no interval and covers nothing.
        covered.append(fit.critical_low <= 2 * POLE <= fit.critical_high)
        censored.append(np.isinf(high).mean())
    print(f"{name}: coverage {np.mean(covered):.3f}, {np.mean(censored):.0%} censored")
    assert np.mean(censored) >= least_censored
    # Of 200 draws at 95 % all would be covered once in 30,000 times: an interval that is too wide.
    assert 0.85 <= np.mean(covered) < 1


def test_finds_the_constants_of_many_seeds():
    fit = fit_censored(*sweep(0, seeds=400, spread=0.2, limit=3000))
    assert fit.intercept == pytest.approx(1 / FLOOR, rel=0.02)
    assert fit.slope == pytest.approx(POLE / FLOOR, rel=0.03)
    assert fit.spread == pytest.approx(0.2, rel=0.05)
    assert fit.pole == pytest.approx(POLE, rel=0.02)
    assert fit.critical_batch_size == pytest.approx(2 * fit.pole)
    assert fit.critical_low < 2 * POLE < fit.critical_high
    assert (fit.reached + fit.censored, fit.note) == (2800, "")
    assert fit.censored >= 400  # b = 1 lies below the pole


def test_dropping_the_censored_seeds_would_bias():
    """Of a batch size stopped early only the lucky seeds are left; the fit knows the others."""
    options = {"seeds": 100, "spread": 0.3, "limit": 1500}
    b, low, high = sweep(1, **options)
    arrived = np.isfinite(high)
    dropped = fit_censored(b[arrived], low[arrived], high[arrived])
    kept = fit_censored(b, low, high)
    assert dropped.critical_high < 2 * POLE
    assert kept.critical_low < 2 * POLE < kept.critical_high


def test_agrees_with_a_general_optimiser():
    b, low, high = sweep(3, limit=1500)

    def loss(parameters):
        level, pole, spread = parameters[0], parameters[1], np.exp(parameters[2])
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = np.log(steps(b, pole, np.exp(level)))
            above, below = ((np.log(end) - mean) / spread for end in (high, low))
        probability = np.where(np.isinf(mean), np.isinf(high), ndtr(above) - ndtr(below))
        return -np.log(np.maximum(probability, 1e-300)).sum()

    options = {"maxiter": 20_000, "maxfev": 20_000, "xatol": 1e-8, "fatol": 1e-10}
    start = [math.log(700), 1.0, math.log(0.5)]
    best = minimize(loss, start, method="Nelder-Mead", options=options)
    fit = fit_censored(b, low, high)
    assert fit.pole == pytest.approx(best.x[1], rel=1e-3)
    assert fit.intercept == pytest.approx(math.exp(-best.x[0]), rel=1e-3)
    assert fit.spread == pytest.approx(math.exp(best.x[2]), rel=1e-3)


def test_r_squared_says_how_much_of_the_scatter_the_curve_explains():
    close, far = (fit_censored(*sweep(5, SIZES[1:], 50, spread)) for spread in (0.05, 0.5))
    assert close.r_squared > 0.98
    assert far.r_squared < 0.7


def test_steps_that_do_not_fall_have_no_critical_size():
    b = np.repeat([2, 4, 8, 16], 3)
    low, high = bracketed(300.0 * b**0.3 * np.tile([0.9, 1.0, 1.1], 4), 10**6)
    fit = fit_censored(b, low, high)
    assert fit.note.startswith("slope = 0: N(b) does not fall with b, b* is at most ")
    assert float(fit.note.split()[-1]) > 0
    assert (fit.slope, fit.reached) == (0, 12)
    numbers = (fit.critical_batch_size, fit.critical_low, fit.critical_high, fit.pole)
    assert all(map(math.isnan, numbers))


def test_a_pole_at_the_smallest_size_is_found_there():
    """A million times the steps at the smallest size: it lies as near above the pole as it can."""
    b = np.repeat([2, 4, 8, 16], 3)
    number = np.where(b == 2, 1e12, 100.0) * np.tile([0.9, 1.0, 1.1], 4)
    fit = fit_censored(b, 0.99 * number, number)
    assert fit.pole == pytest.approx(2, rel=1e-5)
    assert fit.critical_high == pytest.approx(4, rel=1e-5)


def test_the_interval_may_begin_at_zero():
    """Where flat steps are possible, so is a critical size of 0."""
    fits = [fit_censored(*sweep(seed, SIZES[3:], pole=0.5)) for seed in range(20)]
    found = [fit for fit in fits if not fit.note]
    assert any(fit.critical_low == 0 for fit in found)
    assert all(fit.critical_low <= fit.critical_batch_size <= fit.critical_high for fit in found)


def test_the_pole_lies_below_every_batch_size_that_arrived():
    b, low, high = sweep(6, limit=3000)
    fit = fit_censored(b, low, high)
    assert fit.pole < fit.pole_high < b[np.isfinite(high)].min()


def test_exact_data_within_their_brackets():
    b = np.repeat(SIZES[1:], 2)
    fit = fit_censored(b, *bracketed(steps(b), 10**6))
    assert fit.pole == pytest.approx(POLE, rel=0.03)
    assert fit.spread <= 0.05
    assert fit.critical_low < 2 * POLE < fit.critical_high


def test_a_hit_at_the_first_evaluation_is_a_bound():
    b = np.repeat([2, 4, 8, 64], 2)
    low, high = bracketed(steps(b, floor=45.0), 10**6)
    assert (low[b == 64] == 0).all()
    fit = fit_censored(b, low, high)
    assert fit.critical_low < 2 * POLE < fit.critical_high
    assert (fit.reached, fit.upper_bounds, fit.censored) == (8, 2, 0)
    # A later first evaluation says less, and the same: it moves the fit hardly at all.
    later = fit_censored(b, low, np.where(b == 64, 500, high))
    assert later.critical_batch_size == pytest.approx(fit.critical_batch_size, rel=0.05)
    assert later.r_squared == pytest.approx(fit.r_squared, abs=0.01)


@pytest.mark.parametrize(
    ("missed", "note"),
    [
        (0, "reached after a miss at fewer than 3 batch sizes"),
        (2, "reached after a miss at fewer than 3 batch sizes"),
        (3, "reached after a miss by fewer than 4 seeds"),
    ],
)
def test_upper_bounds_alone_are_no_fit(missed, note):
    b = np.array([2, 4, 8, 16, 32])
    low = np.where(np.arange(5) < missed, 40, 0)
    fit = fit_censored(b, low, np.full(5, 50))
    assert fit.note == note
    assert (fit.reached, fit.upper_bounds) == (5, 5 - missed)
    assert math.isnan(fit.intercept)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("seed", range(100))
def test_any_data_have_an_ordered_interval_or_a_note(seed):
    """Rising, falling and flat, exact and wild, narrow and wide brackets, any share censored."""
    random = np.random.default_rng([17, seed])
    b = np.repeat(2 ** random.choice(14, random.integers(3, 9), False), random.integers(1, 6))
    spread, power = random.choice([0, 0.01, 0.3, 2, 5]), random.choice([0, 1, -1, -0.5])
    logs = random.uniform(0, 14) + spread * random.standard_normal(b.size) + power * np.log(b)
    high = np.maximum(np.exp(logs), 1).round()
    low = np.minimum(np.floor(high / random.choice([1.0001, 1.1, 2, 1000])), high - 1)
    high[random.random(b.size) < random.choice([0, 0.3, 0.6])] = math.inf
    fit = fit_censored(b, low, high)
    if fit.note:
        assert math.isnan(fit.critical_batch_size)
        return
    assert 0 <= fit.critical_low <= fit.critical_batch_size <= fit.critical_high
    assert fit.critical_high <= 2 * b[np.isfinite(high)].min()
    assert 0.01 <= fit.spread <= 10 * (1 + 1e-9)
    assert fit.intercept > 0
    assert fit.slope == pytest.approx(fit.pole * fit.intercept)


@pytest.mark.parametrize(
    ("b", "high", "note"),
    [
        ([2, 4, 8, 8], [90, 80, math.inf, math.inf], "reached at fewer than 3 batch sizes"),
        ([2, 4, 8], [90, 80, 70], "reached by fewer than 4 seeds"),
        ([2], [math.inf], "reached at fewer than 3 batch sizes"),
        ([], [], "reached at fewer than 3 batch sizes"),
    ],
)
def test_too_little_is_said_so(b, high, note):
    fit = fit_censored(b, np.full(len(b), 50.0), high)
    assert fit.note == note
    assert fit.reached + fit.censored == len(b)
    assert math.isnan(fit.critical_batch_size)
    assert math.isnan(fit.r_squared)


@pytest.mark.parametrize(
    ("b", "low", "high"),
    [
        ([2, 4], [1], [2]),
        ([0], [1], [2]),
        ([2], [-1], [2]),
        ([2], [5], [5]),
        ([2], [1], [math.nan]),
    ],
)
def test_refuses_what_is_no_measurement(b, low, high):
    with pytest.raises(ValueError, match=r"shapes differ|must be positive"):
        fit_censored(b, low, high)


def test_table_keeps_every_pair_and_censors_what_did_not_arrive():
    b, low, high = sweep(7, limit=1500)
    reached = np.isfinite(high)
    status = np.where(reached, "reached", "step-limit")
    status[~reached] = np.where(np.arange((~reached).sum()) % 2, "diverged", "step-limit")
    adam = {"optimizer": "Adam", "batch_size": b, "bracket_low": low.astype(int), "status": status}
    adam["steps"] = pd.array(np.where(reached, high, -1).astype(int), dtype="Int64")
    table = pd.DataFrame({"experiment": "dcgan", "seed": np.tile([0, 1, 2], 7), "sfo": 0, **adam})
    table.loc[~reached, ["steps", "sfo"]] = pd.NA
    rmsprop = table[~reached].assign(optimizer="RMSProp")
    found = censored_fit_table(STEPS.frame(pd.concat([table, rmsprop])))
    assert list(found.columns) == list(CENSORED_FIT.columns)
    assert found.dtypes.astype(str).to_dict() == CENSORED_FIT.types()
    row = found.set_index("optimizer").loc["Adam"]
    assert row["critical_batch_size"] == fit_censored(b, low, high).critical_batch_size
    assert found["censored"].tolist() == [(~reached).sum()] * 2
    assert found["note"].tolist() == ["", "reached at fewer than 3 batch sizes"]


def test_table_of_nothing_has_the_columns():
    empty = STEPS.frame()
    assert list(censored_fit_table(empty).columns) == list(CENSORED_FIT.columns)
    assert [*CENSORED_FIT.columns][2:] == list(vars(CensoredFit()))


def test_brackets_that_all_hold_the_mean_have_the_smallest_spread():
    value, level, spread = maximise(np.zeros(5), np.ones(5), np.zeros((2, 5)))
    assert value == pytest.approx(0, abs=1e-6)
    assert ((level > 0) & (level < 1)).all()
    assert spread == pytest.approx(0.01)


def test_problems_solved_together_are_those_solved_alone():
    b, low, high = sweep(8)
    arrived = np.isfinite(high)
    ends = np.log(low[arrived]), np.log(high[arrived])
    offsets = np.log(steps(b[arrived]) / FLOOR) * np.linspace(0, 2, 9)[:, None]
    together = maximise(*ends, offsets)
    alone = [maximise(*ends, row[None]) for row in offsets]
    np.testing.assert_allclose(np.hstack(alone), together, rtol=1e-6)
