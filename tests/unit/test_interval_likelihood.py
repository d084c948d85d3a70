"""Normal observations in brackets: the maximum against a general optimiser and closed forms."""

import math

import numpy as np
import pytest
from critical_batch.analysis.interval_likelihood import maximise
from scipy.optimize import minimize
from scipy.stats import norm


def log_likelihood(level, spread, low, high, offsets):
    """Straight from the definition; an observation whose offset is infinite is certain."""
    known = np.isfinite(offsets)
    above = norm.cdf((high[known] - level - offsets[known]) / spread)
    below = norm.cdf((low[known] - level - offsets[known]) / spread)
    return np.log(np.maximum(above - below, 1e-300)).sum()


def drawn(seed, n=14):
    """Brackets of several widths around scattered numbers; some open below, above, or certain."""
    random = np.random.default_rng([11, seed])
    offsets = random.uniform(0, 2, n)
    numbers = 3 + offsets + 0.7 * random.standard_normal(n)
    low, high = numbers - random.uniform(0.01, 0.5, n), numbers + random.uniform(0.01, 0.5, n)
    low[0], high[1:3] = -np.inf, np.inf
    offsets[3], high[3] = np.inf, np.inf
    return low, high, offsets


@pytest.mark.parametrize("seed", range(8))
def test_maximum_is_that_of_a_general_optimiser(seed):
    low, high, offsets = drawn(seed)
    best = minimize(
        lambda p: -log_likelihood(p[0], math.exp(p[1]), low, high, offsets),
        [3.0, 0.0],
        method="Nelder-Mead",
        options={"xatol": 1e-9, "fatol": 1e-12, "maxiter": 4000},
    )
    value, level, spread = maximise(low, high, offsets[None])
    assert value.item() == pytest.approx(-best.fun, abs=1e-7)
    assert level.item() == pytest.approx(best.x[0], abs=1e-4)
    assert spread.item() == pytest.approx(math.exp(best.x[1]), rel=1e-4)
    found = log_likelihood(level.item(), spread.item(), low, high, offsets)
    assert value.item() == pytest.approx(found, abs=1e-9)


def test_narrow_brackets_are_a_normal_sample():
    """Mean, standard deviation (n) and density times width."""
    numbers, width = np.array([1.0, 2.0, 4.0, 9.0]), 1e-4
    offsets = np.array([[0.0, 0.0, 0.0, 0.0], [1.0, 0.0, 1.0, 2.0]])
    value, level, spread = maximise(numbers - width / 2, numbers + width / 2, offsets)
    for problem in range(2):
        left = numbers - offsets[problem]
        assert level[problem] == pytest.approx(left.mean(), abs=1e-5)
        assert spread[problem] == pytest.approx(left.std(), abs=1e-5)
        expected = norm.logpdf(left, left.mean(), left.std()).sum() + 4 * math.log(width)
        assert value[problem] == pytest.approx(expected, abs=1e-4)


def test_the_spread_stays_between_a_hundredth_and_ten():
    """Level 0 by symmetry; the likelihood is that at the bound."""
    for numbers, bound in (([-0.001, 0.001], 0.01), ([-300.0, 300.0], 10.0)):
        ends = np.array(numbers) - 1e-4, np.array(numbers) + 1e-4
        value, level, spread = maximise(*ends, np.zeros((1, 2)))
        assert spread.item() == pytest.approx(bound)
        assert level.item() == pytest.approx(0, abs=1e-4 * bound)
        expected = 2 * norm.logpdf(numbers[1], 0, bound) + 2 * math.log(2e-4)
        assert value.item() == pytest.approx(expected, rel=1e-4)


def test_a_start_at_the_bound_of_the_spread_is_left_where_the_likelihood_grows_inwards():
    """The upper ends alone are 10.1 apart, the brackets' middles 9.9."""
    numbers = np.array([-12.15, 0.0, 12.15])
    widths = np.array([0.01, 0.01, 0.5])
    low, high = numbers - widths, numbers + widths
    assert high.std() > 10 > numbers.std()
    value, _, spread = maximise(low, high, np.zeros((1, 3)))
    assert spread.item() == pytest.approx(numbers.std(), rel=1e-3)
    assert value.item() > log_likelihood(0.0, 10.0, low, high, np.zeros(3))


def test_far_tails_keep_their_digits():
    """Two brackets 40 spreads apart from a third: probabilities below what a float can hold."""
    low = np.array([-0.01, -0.01, 0.39])
    value, level, spread = maximise(low, low + 0.02, np.array([[0.0, 0.0, 0.0]]))
    assert level.item() == pytest.approx(0.4 / 3, abs=1e-3)
    assert spread.item() == pytest.approx(math.sqrt(2 / 9) * 0.4, abs=1e-3)
    assert math.isfinite(value.item())
    # Open above: the log-probability of a tail, finite where the probability itself is 0.
    low, high = np.array([0.0, 0.0, 500.0]), np.array([1e-3, 1e-3, np.inf])
    value, _, spread = maximise(low, high, np.zeros((1, 3)))
    assert math.isfinite(value.item())
    assert spread.item() == pytest.approx(10)


def test_problems_do_not_know_of_each_other():
    low, high, offsets = drawn(5)
    several = np.stack([offsets, 0.5 * offsets, np.ones(len(offsets)), 9 * offsets])
    several[:, np.isinf(offsets)] = np.inf
    together = np.array(maximise(low, high, several))
    alone = [np.array(maximise(low, high, one[None]))[:, 0] for one in several]
    np.testing.assert_allclose(together, np.array(alone).T, rtol=1e-12)


def test_level_and_spread_move_with_the_unit():
    low, high, offsets = drawn(3)
    value, level, spread = maximise(low, high, offsets[None])
    shifted = maximise(low + 5, high + 5, offsets[None])
    assert [one.item() for one in shifted] == pytest.approx(
        [value.item(), level.item() + 5, spread.item()], rel=1e-6
    )
    wider = maximise(3 * low, 3 * high, 3 * offsets[None])
    assert [one.item() for one in wider] == pytest.approx(
        [value.item(), 3 * level.item(), 3 * spread.item()], rel=1e-6
    )
