"""Theorem 3.1 to Proposition 3.4 against closed forms and numerical minima."""

import math

import numpy as np
import pandas as pd
import pytest
from critical_batch.analysis import theory
from critical_batch.analysis.theory import (
    Constants,
    critical_batch_size,
    estimates,
    fit_steps,
    fit_table,
    lower_bound,
    nearest_power_of_two,
    nearest_size,
    ratio_from_measured,
    sfo,
    steps,
)
from critical_batch.optimizers import OPTIMIZERS, Optimizer
from critical_batch.runtime.errors import UserError
from critical_batch.tables.theory import ESTIMATES, FIT

CONSTANTS = Constants(A=3.0, B=0.02, C=0.004)
EPSILON = 0.1  # margin eps^2 - C = 0.006, pole 10/3, b* = 20/3
SETTING = (1e-4, {"beta1": 0.5, "beta2": 0.999}, 3_576_704, 3_033_042)


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        # A = 8*2*4 / (2*.5*.5); B = 3*.5 / (2*.5*.25*.25)
        # C = 1*.5 / (2*.5*.25*.25) + 1*sqrt(16*4)
        ((8, 2.0, 0.5, 3.0, 1.0, 4.0, 0.25, 0.5, 0.5), Constants(A=128.0, B=24.0, C=16.0)),
        # C = 9*1 / (2*.5) + 1*sqrt(16 + 9): the gradient's bound with its square
        ((1, 1.0, 1.0, 16.0, 3.0, 1.0, 1.0, 0.5, 0.0), Constants(A=1.0, B=16.0, C=14.0)),
    ],
)
def test_constants_of_theorem_3_1(numbers, expected):
    names = ("parameters", "distance", "rate", "variance", "gradient_bound")
    names += ("preconditioner_high", "preconditioner_low", "beta1", "gamma")
    assert theory.constants(**dict(zip(names, numbers, strict=True))) == expected


def test_constants_without_momentum_have_no_drift():
    plain = {"distance": 1.0, "preconditioner_high": 1.0, "preconditioner_low": 1.0}
    found = theory.constants(parameters=4, rate=0.1, variance=2.0, gradient_bound=3.0, **plain)
    assert list(vars(found).values()) == pytest.approx([20.0, 0.1, 9 * 0.05])


def test_steps_satisfy_the_defining_equation():
    b = np.array([4.0, 10.0, 1000.0])
    n = steps(b, CONSTANTS, EPSILON)
    left = CONSTANTS.A / n + CONSTANTS.B / b + CONSTANTS.C
    np.testing.assert_allclose(left, EPSILON**2, rtol=1e-12)


def test_steps_decrease_and_are_convex():
    n = steps(np.linspace(3.4, 400, 5000), CONSTANTS, EPSILON)
    assert (np.diff(n) < 0).all()
    assert (np.diff(n, 2) > 0).all()


def test_sfo_is_convex_and_is_steps_times_batch_size():
    b = np.linspace(3.4, 60, 2000)
    cost = sfo(b, CONSTANTS, EPSILON)
    np.testing.assert_allclose(cost, b * steps(b, CONSTANTS, EPSILON))
    assert (np.diff(cost, 2) > 0).all()


def test_never_reached_at_and_below_the_pole():
    exact = Constants(A=1.0, B=2.0, C=0.0)  # epsilon 1: the pole is exactly 2
    assert steps(2, exact, 1.0) == math.inf
    assert sfo([1, 2], exact, 1.0).tolist() == [math.inf, math.inf]
    assert steps(3, exact, 1.0) == 3.0
    assert isinstance(steps(3, exact, 1.0), float)


def test_never_reached_where_the_threshold_is_below_c():
    assert np.isinf(steps([1, 10, 1e9], CONSTANTS, math.sqrt(CONSTANTS.C))).all()
    assert math.isnan(critical_batch_size(CONSTANTS, 0.01))


def test_critical_batch_size_is_the_minimiser():
    b = np.linspace(3.4, 30, 200_001)
    minimiser = b[np.argmin(sfo(b, CONSTANTS, EPSILON))]
    closed = critical_batch_size(CONSTANTS, EPSILON)
    assert closed == pytest.approx(2 * 0.02 / 0.006)
    assert closed == pytest.approx(minimiser, abs=2e-4)


@pytest.mark.parametrize(
    ("optimizer", "hyper", "expected"),
    [
        ("Adam", {"beta1": 0.5, "beta2": 0.75}, 8 * 0.5),
        ("AdaBelief", {"beta1": 0.5, "beta2": 0.75}, 8 * 0.25),
        ("RMSProp", {"alpha": 0.99}, 1.0),
        ("Adam", {"beta1": 0.0, "beta2": 0.75}, 0.5),
    ],
)
def test_lower_bound_of_each_optimizer(optimizer, hyper, expected):
    # r alpha |S| / sqrt(Theta) = 2 * 0.1 * 50 / sqrt(100) = 1
    assert lower_bound(2.0, optimizer, 0.1, hyper, 100, 50) == pytest.approx(expected)


def test_lower_bound_uses_the_defaults_of_the_optimizer():
    rate, hyper, parameters, images = SETTING
    given = lower_bound(1.0, "Adam", rate, hyper, parameters, images)
    assert lower_bound(1.0, "Adam", rate, {}, parameters, images) == given


def test_unknown_optimizer_is_one_line():
    with pytest.raises(UserError, match=r"optimizer 'adam' is unknown: use one of Adam"):
        lower_bound(1.0, "adam", *SETTING)


BOUNDED = [name for name, entry in OPTIMIZERS.items() if entry.scale]


@pytest.mark.parametrize("optimizer", BOUNDED)
def test_ratio_inverts_the_bound(optimizer):
    rate, _, parameters, images = SETTING
    ratio = ratio_from_measured(32, optimizer, rate, {}, parameters, images)
    bound = lower_bound(ratio, optimizer, rate, {}, parameters, images)
    assert bound == pytest.approx(32, rel=1e-14)


def test_a_hyper_parameter_that_an_optimizer_has_not_is_one_line():
    rate, _, parameters, images = SETTING
    with pytest.raises(UserError, match=r"^optimizers.RMSProp.beta1 is not known: remove it$"):
        lower_bound(1.0, "RMSProp", rate, {"beta1": 0.5}, parameters, images)


def test_amsgrad_has_no_bound():
    assert BOUNDED == ["Adam", "AdaBelief", "RMSProp"]
    assert math.isnan(lower_bound(1.0, "AMSGrad", *SETTING))


def test_published_ratios():
    assert ratio_from_measured(2**5, "Adam", *SETTING) == pytest.approx(788.7204, abs=5e-5)
    biggan = (1e-4, {"beta1": 0.0, "beta2": 0.999}, 70_433_988, 1_281_167)
    assert ratio_from_measured(2**8, "Adam", *biggan) == pytest.approx(530304.56, abs=5e-3)


@pytest.mark.parametrize(
    ("value", "nearest"),
    [
        (1e-9, 1),
        (1, 1),
        (1.4999, 1),
        (1.5, 1),
        (1.5001, 2),
        (1.717, 2),
        (3, 2),
        (4.293, 4),
        (20.364, 16),
        (31.999, 32),
        (47.998, 32),  # nearest in log2 would be 64
        (48, 32),
        (math.nextafter(48, math.inf), 32),  # a tie up to rounding errors
        (48.001, 64),
        (126.488, 128),
        (511.999, 512),
        (2.0**40, 2**40),
    ],
)
def test_nearest_power_of_two_is_nearest_in_value(value, nearest):
    assert nearest_power_of_two(value) == nearest


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_nearest_power_of_two_refuses(value):
    with pytest.raises(ValueError, match="no nearest power of two"):
        nearest_power_of_two(value)


def test_fit_recovers_exact_data():
    b = 2.0 ** np.arange(2, 12)
    fit = fit_steps(b, steps(b, CONSTANTS, EPSILON))
    assert fit.slope == pytest.approx(CONSTANTS.B / CONSTANTS.A, rel=1e-9)
    assert fit.intercept == pytest.approx((EPSILON**2 - CONSTANTS.C) / CONSTANTS.A, rel=1e-9)
    assert fit.critical_batch_size == pytest.approx(critical_batch_size(CONSTANTS, EPSILON))
    assert fit.pole == pytest.approx(fit.critical_batch_size / 2)
    assert fit.r_squared == pytest.approx(1.0)
    assert (fit.points, fit.note) == (10, "")


def test_fit_recovers_noisy_data():
    b = 2.0 ** np.arange(2, 12)
    for seed in range(20):
        noise = np.exp(0.05 * np.random.default_rng(seed).standard_normal(b.size))
        fit = fit_steps(b, steps(b, CONSTANTS, EPSILON) * noise)
        assert fit.critical_batch_size == pytest.approx(20 / 3, rel=0.1)
        assert 0.9 < fit.r_squared < 1


def test_fit_minimises_relative_errors():
    b = np.array([4.0, 8.0, 32.0, 256.0])
    n = np.array([900.0, 300.0, 180.0, 160.0])
    fit = fit_steps(b, n)

    def loss(intercept, slope):
        return ((1 - n * (intercept - slope / b)) ** 2).sum()

    best = loss(fit.intercept, fit.slope)
    for change in (0.999, 1.001):
        assert loss(fit.intercept * change, fit.slope) > best
        assert loss(fit.intercept, fit.slope * change) > best
    flat = min(loss(level, 0.0) for level in np.linspace(1e-4, 1e-2, 20_001))
    assert fit.r_squared == pytest.approx(1 - best / flat, rel=1e-4)


@pytest.mark.parametrize(
    ("b", "n", "note"),
    [
        ([2, 4, 8], [100, 200, 400], "slope <= 0"),
        ([2, 4, 8], [100, 100, 100], "slope <= 0"),
        ([2, 4, 8], [1 / (1 / b - 0.001) for b in (2, 4, 8)], "intercept <= 0"),
        ([2, 4], [100, 50], "fewer than 3 batch sizes"),
        ([2, 2, 4, 4], [100, 90, 50, 40], "fewer than 3 batch sizes"),
        ([], [], "fewer than 3 batch sizes"),
    ],
)
def test_fit_without_a_critical_batch_size_says_why(b, n, note):
    fit = fit_steps(b, n)
    assert fit.note.startswith(note)
    assert math.isnan(fit.critical_batch_size)
    assert math.isnan(fit.pole)
    assert fit.points == len(b)
    assert math.isnan(fit.slope) == note.startswith("fewer")


def test_fit_of_constant_steps_explains_nothing():
    fit = fit_steps([2, 4, 8, 16], [100] * 4)
    assert math.isnan(fit.r_squared)
    assert fit.intercept == pytest.approx(0.01)


@pytest.mark.parametrize("seed", range(10))
def test_fit_is_that_of_numpy_with_weights_in_any_unit_of_steps(seed):
    """Also for steps up to 10^10, whole numbers as a table holds them."""
    random = np.random.default_rng([5, seed])
    b = np.array([4, 8, 16, 32, 64])
    n = (steps(b, CONSTANTS, EPSILON) * np.exp(0.3 * random.standard_normal(5))).round()
    for unit in (1, 10**6):
        numbers = (unit * n).astype("int64")
        y, weights = 1 / numbers.astype(float), numbers.astype(float) ** 2
        slope, intercept = np.polyfit(1 / b, y, 1, w=numbers.astype(float))
        rest = weights * (y - intercept - slope / b) ** 2
        spread = weights * (y - np.average(y, weights=weights)) ** 2
        fit = fit_steps(b, numbers)
        assert (fit.slope, fit.intercept) == pytest.approx((-slope, intercept), rel=1e-6)
        assert fit.r_squared == pytest.approx(1 - rest.sum() / spread.sum(), rel=1e-6)


@pytest.mark.parametrize(
    ("b", "n"),
    [
        ([2, 4, 8], [1, 2]),
        ([[2, 4, 8]], [[9, 8, 7]]),
        ([2, 4, 8], [9, 8, math.inf]),
        ([2, 4, math.inf], [9, 8, 7]),
        ([0, 1, 2], [3, 2, 1]),
        ([1, 2, 4], [3, 2, 0]),
    ],
)
def test_fit_refuses_what_is_no_measurement(b, n):
    with pytest.raises(ValueError, match="batch sizes and steps"):
        fit_steps(b, n)


@pytest.mark.parametrize(
    ("value", "tried", "size"),
    [
        (3.0, [3, 5, 10], 3),  # a power of two would say 2
        (3 + 1e-9, [10, 5, 3], 3),
        (4.0, [3, 5, 10], 3),  # equally near: the smaller
        (48.0, [3, 5, 10], 10),
        (48.0, [1, 2, 4], 32),  # powers of two go on beyond the grid, as in the paper
        (0.2, [3, 5], 3),
        (6.1, [], 8),
    ],
)
def test_an_estimate_is_rounded_to_the_kind_of_sizes_that_were_tried(value, tried, size):
    assert nearest_size(value, tried) == size


def test_fit_table_leaves_out_minorities_and_keeps_every_row():
    b = [4, 8, 16, 32]
    exact = steps(b, CONSTANTS, EPSILON)
    medians = pd.DataFrame(
        {
            "experiment": "dcgan",
            "optimizer": ["Adam"] * 5 + ["RMSProp"] * 2,
            "batch_size": [2, *b, 2, 4],
            "median_steps": [math.inf, *exact, math.inf, 100.0],
            "upper_bound": False,
        }
    )
    table = fit_table(medians).set_index("optimizer")
    others = table.columns.drop(["experiment", "note"])
    assert [*FIT.columns] == ["experiment", table.index.name, *others]
    assert table["points"].to_dict() == {"Adam": 4, "RMSProp": 1}
    assert table["critical_batch_size"]["Adam"] == pytest.approx(20 / 3)
    assert math.isnan(table["slope"]["RMSProp"])
    assert table["note"].to_dict() == {"Adam": "", "RMSProp": "fewer than 3 batch sizes"}


def test_fit_table_leaves_out_medians_that_are_only_upper_bounds():
    b = [4, 8, 16, 32, 64]
    medians = pd.DataFrame({"experiment": "dcgan", "optimizer": "Adam", "batch_size": b})
    medians["median_steps"] = [*steps(b[:4], CONSTANTS, EPSILON), 5000.0]
    medians["upper_bound"] = [False] * 4 + [True]
    (row,) = fit_table(medians).to_dict("records")
    assert row["points"] == 4
    assert row["critical_batch_size"] == pytest.approx(20 / 3)


def test_one_image_and_one_step_are_measurements():
    """On a line by construction: 1 / N = 1.25 - 1 / b, whose pole is 0.8."""
    b = np.array([1, 2, 4])
    n = 1 / (1.25 - 1 / b)
    fit = fit_steps(b, n)
    assert n[-1] == 1
    assert (fit.intercept, fit.slope, fit.pole) == pytest.approx((1.25, 1, 0.8))
    assert fit.critical_batch_size == pytest.approx(1.6)


def test_fit_table_of_nothing_has_the_columns_and_their_types():
    medians = pd.DataFrame(columns=["experiment", "optimizer", "batch_size", "median_steps"])
    types = fit_table(medians).dtypes.astype(str).to_dict()
    assert {name: types[name] for name in FIT.columns} == FIT.types()


RATES = {"generator_rate": 1e-4, "discriminator_rate": 2e-4}


def records(**changes):
    """Experiments of the published settings, the ratio of both from 4.1's Adam."""
    betas = {"beta1": 0.5, "beta2": 0.999}
    ratio = {"experiment": "dcgan", "optimizer": "Adam"}
    dcgan = {
        "Adam": {"generator_rate": 1e-4, "discriminator_rate": 3e-4, "hyper": betas},
        "AdaBelief": {"generator_rate": 3e-4, "discriminator_rate": 3e-5, "hyper": betas},
    }
    rates = {"generator_rate": 3e-4, "discriminator_rate": 1e-4}
    wgan = {"RMSProp": {**rates, "hyper": {"alpha": 0.99}}}
    return [
        {"name": "wgan", "section": "4.2", "ratio": ratio, "optimizers": wgan},
        {"name": "dcgan", "section": "4.1", "ratio": ratio, "optimizers": dcgan, **changes},
    ]


NETWORKS = pd.DataFrame(
    {
        "experiment": ["dcgan", "wgan"],
        "generator_parameters": [3_576_704] * 2,
        "discriminator_parameters": [2_765_568] * 2,
        "images": [3_033_042, 162_770],
    }
)


def critical(size):
    sizes = pd.array([size], dtype="Int64")
    return pd.DataFrame(
        {"experiment": "dcgan", "optimizer": "Adam", "critical_batch_size": sizes}, index=[0]
    )


def test_the_row_that_the_ratio_comes_from_estimates_itself_on_any_grid():
    (_, own) = records()
    own["optimizers"]["Adam"]["batch_sizes"] = [3, 5, 10]
    table = estimates(critical(3), NETWORKS, [own]).set_index("optimizer")
    assert table.loc["Adam", "estimated_exact"] == pytest.approx(3)
    assert table.loc["Adam", ["estimated", "discriminator_estimated"]].tolist() == [3, 3]


def test_estimates_carry_the_ratio_to_other_optimizers_and_data():
    table = estimates(critical(32), NETWORKS, records())
    assert list(table.columns) == list(ESTIMATES.columns)
    assert table["section"].tolist() == ["4.2", "4.1", "4.1"]
    assert table["optimizer"].tolist() == ["RMSProp", "Adam", "AdaBelief"]
    assert set(table["ratio_experiment"]) == {"dcgan"}
    assert set(table["ratio_optimizer"]) == {"Adam"}
    np.testing.assert_allclose(table["ratio"], 788.7204, atol=5e-5)
    np.testing.assert_allclose(table["estimated_exact"], [20.3647, 32, 48], atol=1e-4)
    assert table["estimated"].tolist() == [16, 32, 32]
    assert table["estimated"].dtype == "Int64"


def test_estimates_of_the_discriminator_have_its_rate_and_parameters():
    """Its ratio is from the same measured size, so the source is reproduced for both players."""
    table = estimates(critical(32), NETWORKS, records())
    # W is the same in both experiments and cancels. Adam, the source: 32. AdaBelief: a tenth of
    # Adam's rate and half for its constant. RMSProp: a third of the rate, 0.125 for no momentum,
    # sqrt(1000) for no beta2, and fewer images.
    rmsprop = 32 / 3 * 0.125 * math.sqrt(1000) * 162_770 / 3_033_042
    found = table.set_index("optimizer")
    np.testing.assert_allclose(
        found["discriminator_exact"][["Adam", "AdaBelief", "RMSProp"]], [32, 1.6, rmsprop]
    )
    assert found["discriminator_estimated"].to_dict() == {"Adam": 32, "AdaBelief": 2, "RMSProp": 2}
    assert found["discriminator_estimated"].dtype == "Int64"


def test_a_larger_discriminator_has_a_smaller_bound():
    larger = NETWORKS.assign(discriminator_parameters=[2_765_568, 4 * 2_765_568])
    small, large = (estimates(critical(32), sizes, records()) for sizes in (NETWORKS, larger))
    halved = small["discriminator_exact"][0] / 2
    assert large["discriminator_exact"][0] == pytest.approx(halved)
    pd.testing.assert_series_equal(small["estimated_exact"], large["estimated_exact"])


@pytest.mark.parametrize(
    ("table", "experiments"),
    [
        (critical(pd.NA), records()),  # run, but nothing reached
        (critical(32).iloc[:0], records()),  # not run
        (critical(32), records()[:1]),  # not in the configuration
        (critical(32), records(optimizers={"RMSProp": {**RATES, "hyper": {}}})),
    ],
)
def test_estimates_are_empty_without_a_measured_source(table, experiments):
    found = estimates(table, NETWORKS, experiments)
    assert len(found) == sum(len(record["optimizers"]) for record in experiments)
    assert found[list(ESTIMATES.columns)[5:]].isna().all(axis=None)


def test_estimates_of_an_experiment_without_runs_are_empty():
    found = estimates(critical(32), NETWORKS.iloc[:1], records()).set_index("experiment")
    assert found.loc["wgan", ["estimated_exact", "estimated"]].isna().all()
    assert found.loc["dcgan", "estimated"].tolist() == [32, 32]


def test_an_optimizer_without_a_bound_has_no_estimate(monkeypatch):
    monkeypatch.setitem(
        theory.OPTIMIZERS, "SGD", Optimizer(description="Plain", build=lambda *_: None)
    )
    experiments = records()
    experiments[1]["optimizers"]["SGD"] = {**RATES, "hyper": {}}
    found = estimates(critical(32), NETWORKS, experiments).set_index("optimizer")
    assert found.loc["SGD", ["estimated_exact", "estimated"]].isna().all()
    assert found.loc["Adam", "estimated"] == 32

    experiments[1]["ratio"] = {"experiment": "dcgan", "optimizer": "SGD"}
    found = estimates(critical(32).assign(optimizer="SGD"), NETWORKS, experiments)
    assert found.loc[found["experiment"] == "dcgan", "ratio"].isna().all()


def test_estimates_of_nothing_have_the_columns():
    found = estimates(critical(32), NETWORKS, [])
    assert list(found.columns) == list(ESTIMATES.columns)
    assert found.empty
