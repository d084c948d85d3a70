"""What figures against batch size draw, in numbers: positions, ends of intervals, costs, units."""

import math

import numpy as np
import pandas as pd
import pytest
from critical_batch.analysis.aggregate import steps_table
from critical_batch.reporting import style
from critical_batch.reporting.figures.cost import cost_figure, cost_table
from critical_batch.reporting.figures.shared import (
    dodges,
    draw_intervals,
    draw_upper_bounds,
    fitted,
    fitted_steps,
    points,
)
from critical_batch.tables.aggregate import SPEED
from critical_batch.tables.statistics import BOOTSTRAP
from figure_examples import fit_of, table
from matplotlib.figure import Figure
from test_aggregate import early, result, run


def bootstrap_rows(*rows):
    """(optimizer, b, steps, low, high, least) as bootstrap.csv has them."""
    return table(
        [
            ("dcgan", name, b, 3, 3, n, low, high, 0, least < n, least, b * n, b * low, b * high)
            for name, b, n, low, high, least in rows
        ],
        BOOTSTRAP,
    )


def speeds(*rows):
    names = ("experiment", "optimizer", "batch_size", "seed_steps_per_second")
    return table([("dcgan", *row) for row in rows], SPEED, *names)


def test_points_have_every_number_at_its_own_optimizer_and_batch_size():
    steps = steps_table(
        [
            run(4, early(1, 50), result(0, 70), result(2, 90), optimizer="RMSProp"),
            run(2, result(0, 300), result(1, None), result(2, 500), optimizer="RMSProp"),
            run(2, early(0, 60), early(1, 40), result(2, None, "diverged")),
        ]
    )
    bootstrap = bootstrap_rows(("RMSProp", 2, 500.0, 280.0, np.nan, 500.0), ("Adam", 2, 9, 8, 7, 9))
    fit = fit_of(fits={"RMSProp": (0.006, 0.005)})
    for quantity, by in (("steps", {2: 1, 4: 1}), ("sfo", {2: 2, 4: 4})):
        data = points(steps, bootstrap, fit, quantity)
        assert data.index.tolist() == list(range(9))
        assert data["optimizer"].tolist() == ["Adam"] * 3 + ["RMSProp"] * 6
        assert data["batch_size"].tolist() == [2] * 6 + [4] * 3
        assert data["seed"].tolist() == [0, 1, 2] * 3
        numbers = [60, 40, np.nan, 300, np.nan, 500, 70, 50, 90]
        scale = data["batch_size"].map(by)
        np.testing.assert_array_equal(data[quantity], numbers * scale)
        assert data["at_most"].tolist() == [True, True, False, *[False] * 4, True, False]
        np.testing.assert_array_equal(
            data["median"], [60, 60, 60, 500, 500, 500, 70, 70, 70] * scale
        )
        assert data["median_at_most"].tolist() == [True] * 3 + [False] * 6
        gap = [np.nan] * 3
        np.testing.assert_array_equal(data["low"], [8, 8, 8, 280, 280, 280, *gap] * scale)
        np.testing.assert_array_equal(data["high"], [7, 7, 7, *gap, *gap] * scale)
        np.testing.assert_allclose(data["fit"], [*gap, *[500] * 3, *[4 / 0.014] * 3] * scale)
    with pytest.raises(pd.errors.MergeError):
        points(steps, pd.concat([bootstrap, bootstrap]), fit, "sfo")


def test_the_fit_times_the_batch_size_is_the_fit_of_sfo():
    (row,) = fit_of(fits={"Adam": (0.02, 0.01)}).itertuples()
    b = np.array([1, 2, 4, 10])
    np.testing.assert_allclose(fitted(b, row, "steps"), [np.nan, np.nan, 200, 125])
    np.testing.assert_allclose(fitted(b, row, "sfo"), [np.nan, np.nan, 800, 1250])
    np.testing.assert_allclose(fitted_steps(b, -0.01, 0.01), [50, 200 / 3, 80, 1000 / 11])


@pytest.mark.parametrize(
    ("names", "most", "octaves"),
    [
        (["RMSProp", "Adam"], 64, 0.015 * 7),
        (["RMSProp", "Adam", "AdaBelief"], 1, 0.015),
        (["RMSProp", "Adam", "AdaBelief", "AMSGrad"], 2**15, 0.6 / 4),
        (["Adam"], 8, None),
    ],
)
def test_optimizers_stand_in_order_evenly_around_their_batch_size(names, most, octaves):
    sizes = pd.DataFrame({"optimizer": names, "batch_size": [1] * (len(names) - 1) + [most]})
    if len(names) == 1:
        assert dodges(sizes) == {"Adam": 1.0}
        return
    sizes["batch_size"] *= 3  # the span counts, not the sizes
    sizes.loc[0, "batch_size"] = 3
    found = dodges(sizes)
    assert list(found) == style.ordered(names)
    places = np.log2(list(found.values()))
    np.testing.assert_allclose(np.diff(places), octaves)
    assert places.sum() == pytest.approx(0)


def drawn_intervals(low, high):
    axes = Figure().subplots()
    axes.set_ylim(10, 100)
    x = [1.0, 2.0, 3.0, 4.0, 5.0][: len(low)]
    draw_intervals(axes, x, low, high, "Adam")
    bars = [tuple(path.vertices.ravel()) for path in axes.collections[0].get_paths()]
    tips = [(line.get_marker(), line.get_xydata().tolist()) for line in axes.lines]
    return bars, tips


def test_intervals_end_at_the_axes_with_a_tip_where_they_go_on():
    bars, tips = drawn_intervals([20, 5, 20, np.nan, 2], [50, 50, np.nan, np.nan, 200])
    assert bars == [(1, 20, 1, 50), (2, 10, 2, 50), (3, 20, 3, 100), (5, 10, 5, 100)]
    assert tips == [("^", [[3, 100], [5, 100]]), ("v", [[2, 10], [5, 10]])]
    bars, tips = drawn_intervals([10, 20], [100, math.inf])  # ends on the edge stay within
    assert bars == [(1, 10, 1, 100), (2, 20, 2, 100)]
    assert tips == [("^", [[2, 100]])]
    assert drawn_intervals([20], [50])[1] == []


def test_marks_of_upper_bounds_stand_only_where_there_is_one():
    axes = Figure().subplots()
    draw_upper_bounds(axes, [1, 2, 3], [np.nan, 7.0, np.inf], "Adam")
    (marks,) = axes.lines
    assert marks.get_xydata().tolist() == [[2, 7]]
    assert (marks.get_marker(), marks.get_markerfacecolor()) == ("v", "white")
    assert marks.get_markeredgecolor() == style.style_of("Adam").colour
    draw_upper_bounds(axes, pd.Series([1, 2]), pd.Series([np.nan, np.nan]), "RMSProp")
    assert len(axes.lines) == 1


def test_costs_are_steps_times_images_and_over_speed():
    bootstrap = bootstrap_rows(
        ("RMSProp", 8, 30.0, 20.0, 50.0, 30.0),
        ("RMSProp", 2, 100.0, 90.0, np.nan, 100.0),
        ("Adam", 2, 60.0, 50.0, 70.0, 60.0),
        ("Adam", 4, 50.0, 1.0, 50.0, 1.0),  # 200 images at most, and maybe 4
        ("Adam", 8, np.nan, 80.0, np.nan, np.nan),
    )
    speed = speeds(
        ("Adam", 2, 10.0),
        ("Adam", 4, 0.5),
        ("Adam", 8, 5.0),
        ("RMSProp", 8, 3.0),
        ("RMSProp", 2, 0.0),
    )
    found = cost_table(bootstrap, speed)
    names = ["optimizer", "batch_size", "sfo", "sfo_low", "sfo_high"]
    names += ["seconds", "seconds_low", "seconds_high", "at_most", "fewest_images", "fastest"]
    assert found.columns.tolist() == names
    nan = math.nan
    expected = [
        ("Adam", 2, 120, 100, 140, 6, 5, 7, False, False, False),
        ("Adam", 4, 200, 4, 200, 100, 2, 100, True, False, False),
        ("Adam", 8, nan, 640, nan, nan, 16, nan, False, False, False),
        ("RMSProp", 2, 200, 180, nan, nan, nan, nan, False, True, False),
        ("RMSProp", 8, 240, 160, 400, 10, 20 / 3, 50 / 3, False, False, True),
    ]
    pd.testing.assert_frame_equal(
        found, pd.DataFrame(expected, columns=names), check_dtype=False, check_column_type=False
    )
    assert found.index.tolist() == list(range(5))
    with pytest.raises(pd.errors.MergeError):
        cost_table(bootstrap, pd.concat([speed, speed]))
    # Where the least that b = 4 can cost and take is more than all of b = 2, both are sure.
    dear = bootstrap.copy()
    dear.loc[3, "least_steps"] = 40.0
    assert cost_table(dear, speed)["fewest_images"].tolist()[:3] == [True, False, False]
    assert cost_table(dear, speed)["fastest"].tolist()[:3] == [True, False, False]


@pytest.mark.parametrize(
    ("longest", "unit", "scale"),
    [
        (299.0, "s", 1),
        (300.0, "min", 60),
        (300 * 60 - 1, "min", 60),
        (300 * 60, "h", 3600),
        (300 * 3600, "days", 86400),
        (1e9, "days", 86400),
    ],
)
def test_time_has_the_unit_in_which_the_longest_is_below_a_few_hundred(longest, unit, scale):
    bootstrap = bootstrap_rows(("Adam", 2, 100.0, 90.0, 110.0, 100.0), ("Adam", 4, 30, 20, 40, 30))
    costs = cost_table(bootstrap, speeds(("Adam", 2, 100 / longest), ("Adam", 4, 300 / longest)))
    figure = cost_figure(costs, title="A", metric="FID", threshold=12.5)
    above, below = figure.axes
    assert below.get_ylabel() == f"time of one seed ({unit})"
    found = {line.get_gid(): line.get_xydata() for line in [*above.lines, *below.lines]}
    np.testing.assert_allclose(found["seconds Adam"][:, 1], [longest / scale, longest / 10 / scale])
    np.testing.assert_allclose(found["sfo Adam"], [[2, 200], [4, 120]])
    np.testing.assert_allclose(found["least sfo Adam"], [[4, 120]])
    np.testing.assert_allclose(found["least seconds Adam"], [[4, longest / 10 / scale]])
    (bars,) = [c for c in below.collections if c.get_gid() == "interval Adam"]
    ends = [path.vertices[:, 1].tolist() for path in bars.get_paths()]
    np.testing.assert_allclose(ends[0], np.array([0.9, 1.1]) * longest / scale)
    assert above.get_position().y0 >= below.get_position().y1
    assert figure.get_suptitle() == "A\nmedian cost until FID ≤ 12.5"
