"""The censored fit where its likelihood has a closed form: brackets so narrow that N is known.

Then log N(b) = level + offset(b, pole) + noise is a normal regression. At a given pole the level is
the mean of the residuals and the profile log-likelihood -n/2 log(RSS(pole) / n) + constant, so the
interval holds the poles with RSS(pole) <= RSS(best) (1 + t^2 / (n - 2)), t the two-sided 95 %
quantile of Student's distribution with n - 2 degrees of freedom.
"""

import math

import numpy as np
import pytest
from critical_batch.analysis.censored_fit import fit_censored
from scipy.optimize import brentq, minimize_scalar
from scipy.stats import t as student

SIZES = np.repeat([2.0, 4.0, 8.0, 16.0, 32.0, 64.0], 2)
FLAT = np.repeat([2.0, 4.0, 8.0, 16.0], 3)


def rss(pole, b, logs):
    residual = logs + np.log(1 - pole / b)
    return ((residual - residual.mean()) ** 2).sum()


def known(numbers):
    """Brackets of a ten-thousandth around these numbers of steps."""
    return np.asarray(numbers) * (1 - 1e-4), np.asarray(numbers) * (1 + 1e-4)


def quantile(n):
    return student.ppf(0.975, n - 2)


def scattered(seed, pole=1.5, spread=0.25, b=SIZES):
    noise = spread * np.random.default_rng([3, seed]).standard_normal(b.size)
    return 500 * b / (b - pole) * np.exp(noise)


@pytest.mark.parametrize("seed", range(6))
def test_estimate_and_interval_are_those_of_the_regression(seed):
    numbers = scattered(seed)
    logs, n = np.log(numbers), SIZES.size
    best = minimize_scalar(
        rss, bounds=(0, SIZES.min() - 1e-9), args=(SIZES, logs), options={"xatol": 1e-10}
    )
    bound = best.fun * (1 + quantile(n) ** 2 / (n - 2))

    def excess(pole):
        return rss(pole, SIZES, logs) - bound

    low = brentq(excess, 0, best.x) if excess(0) > 0 else 0.0
    high = brentq(excess, best.x, SIZES.min() - 1e-9)
    fit = fit_censored(SIZES, *known(numbers))
    found = (fit.pole, fit.pole_low, fit.pole_high)
    assert found == pytest.approx((best.x, low, high), rel=1e-3, abs=1e-4)
    sizes = (fit.critical_batch_size, fit.critical_low, fit.critical_high)
    assert sizes == pytest.approx([2 * pole for pole in found])

    residual = logs + np.log(1 - best.x / SIZES)
    assert fit.intercept == pytest.approx(math.exp(-residual.mean()), rel=1e-3)
    assert fit.slope == pytest.approx(best.x * math.exp(-residual.mean()), rel=1e-3)
    assert fit.spread == pytest.approx(math.sqrt(best.fun / n), rel=1e-3)
    total = ((logs - logs.mean()) ** 2).sum()
    assert fit.r_squared == pytest.approx(1 - best.fun / total, rel=1e-4)
    assert (fit.reached, fit.censored, fit.note) == (12, 0, "")


@pytest.mark.parametrize("seed", range(3))
def test_flat_steps_bound_the_critical_size_by_twice_the_largest_pole(seed):
    numbers = 300 * FLAT**0.2 * np.exp(0.1 * np.random.default_rng([4, seed]).normal(size=12))
    logs = np.log(numbers)
    bound = rss(0.0, FLAT, logs) * (1 + quantile(12) ** 2 / 10)
    high = brentq(lambda pole: rss(pole, FLAT, logs) - bound, 0, 2 - 1e-9)
    fit = fit_censored(FLAT, *known(numbers))
    assert fit.note == f"slope = 0: N(b) does not fall with b, b* is at most {2 * high:.3g}"
    assert (fit.pole, fit.slope) == (pytest.approx(math.nan, nan_ok=True), 0)
    assert fit.intercept == pytest.approx(math.exp(-logs.mean()), rel=1e-4)
    assert fit.spread == pytest.approx(math.sqrt(rss(0.0, FLAT, logs) / 12), rel=1e-4)


def test_r_squared_is_of_the_middles_of_brackets_that_have_two_ends():
    """Wide brackets, one seed that hit at the first look and one that never arrived."""
    b = np.append(SIZES, 64.0)
    numbers = np.append(scattered(1), math.inf)
    low, high = numbers / 1.2, numbers * 1.3
    low[0], low[-1] = 0.0, 400.0
    fit = fit_censored(b, low, high)
    middle = np.log(np.sqrt(low[1:-1] * high[1:-1]))
    expected = -math.log(fit.intercept) - np.log(1 - fit.pole / SIZES[1:])
    total = ((middle - middle.mean()) ** 2).sum()
    assert fit.r_squared == pytest.approx(1 - ((middle - expected) ** 2).sum() / total)
    assert (fit.reached, fit.upper_bounds, fit.censored) == (12, 1, 1)


def test_four_seeds_at_three_sizes_are_enough_and_equal_steps_explain_nothing():
    b, numbers = [2.0, 4.0, 8.0, 8.0], [400.0, 250.0, 200.0, 210.0]
    fit = fit_censored(b, *known(numbers))
    assert (fit.reached, fit.note) == (4, "")
    equal = fit_censored([2.0, 4.0, 8.0, 8.0], *known([100.0] * 4))
    assert math.isnan(equal.r_squared)


def test_steps_in_another_unit_leave_the_sizes_and_batches_in_another_unit_scale_them():
    numbers = scattered(2)
    one = fit_censored(SIZES, *known(numbers))
    longer = fit_censored(SIZES, *known(1000 * numbers))
    larger = fit_censored(8 * SIZES, *known(numbers))
    columns = ("critical_batch_size", "critical_low", "critical_high", "pole")
    for name in columns:
        assert getattr(longer, name) == pytest.approx(getattr(one, name), rel=1e-4)
        assert getattr(larger, name) == pytest.approx(8 * getattr(one, name), rel=1e-4)
    assert longer.intercept == pytest.approx(one.intercept / 1000, rel=1e-4)
    assert (longer.spread, longer.r_squared) == pytest.approx((one.spread, one.r_squared), rel=1e-4)
