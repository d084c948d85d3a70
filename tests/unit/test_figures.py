"""Figures against batch size, by what stands on them: positions, scales, counts, states."""

import numpy as np
import pandas as pd
import pytest
from critical_batch.analysis.aggregate import critical_table, steps_table
from critical_batch.analysis.bootstrap import bootstrap_tables
from critical_batch.reporting import style
from critical_batch.reporting.figures.cost import cost_figure, cost_table
from critical_batch.reporting.figures.sfo import critical_with_interval, sfo_figure
from critical_batch.reporting.figures.shared import dodges, fitted_steps, points
from critical_batch.reporting.figures.steps import steps_figure
from critical_batch.tables.aggregate import SPEED
from critical_batch.tables.statistics import BOOTSTRAP, CRITICAL_INTERVALS
from critical_batch.tables.theory import CENSORED_FIT
from figure_examples import (
    FITS,
    bootstrap_of,
    fit_of,
    intervals_of,
    medians_of,
    speed_of,
    table,
    tables_of,
)

LABEL = {"title": "4.1 DCGAN on Fashion-MNIST", "metric": "classifier-FID", "threshold": 8.0}


def runs_of(numbers):
    """{(optimizer, batch size): per seed its steps, or how it ended} as run records."""
    runs = []
    for (optimizer, size), seeds in numbers.items():
        results = []
        for seed, end in enumerate(seeds):
            reached = isinstance(end, int)
            ending = {"status": "reached" if reached else end, "steps": end if reached else None}
            results.append({"seed": seed, "last_miss": end - 1 if reached else 9000, **ending})
        names = {"experiment": "dcgan", "optimizer": optimizer, "batch_size": size}
        runs.append({**names, "results": results})
    return runs


def drawn(steps, fit=None, **tables):
    """The three figures of a steps.csv: steps, SFO, cost."""
    fit = table([], CENSORED_FIT) if fit is None else fit
    bootstrap = tables.get("bootstrap", bootstrap_of(steps))
    critical = critical_table(steps)
    sizes = critical_with_interval(critical, tables.get("intervals", intervals_of(critical)))
    costs = cost_table(bootstrap, tables.get("speed", speed_of(steps)))
    return (
        steps_figure(steps, bootstrap, fit, **LABEL),
        sfo_figure(steps, bootstrap, fit, sizes, **LABEL),
        cost_figure(costs, **LABEL),
    )


def lines(figure, gid):
    return [line for axes in figure.axes for line in axes.lines if line.get_gid() == gid]


def line(figure, gid):
    (found,) = lines(figure, gid)
    return found


def collections(figure, gid):
    return [c for axes in figure.axes for c in axes.collections if c.get_gid() == gid]


def bars(figure, optimizer):
    """(x, low, high) of the intervals of the last axes."""
    (found,) = [c for c in figure.axes[-1].collections if c.get_gid() == f"interval {optimizer}"]
    return [(path[0, 0], path[0, 1], path[1, 1]) for path in found.get_segments()]


def size_at(x):
    """The batch size that a mark stands at, though beside the tick."""
    return 2.0 ** np.round(np.log2(x))


def legend_texts(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def counts(figure):
    """The strip: (label, [(batch size, count)]) per row."""
    strip = figure.axes[0]
    rows = {round(tick): [] for tick in strip.get_yticks()}
    for text in strip.texts:
        rows[round(text.xy[1])].append((size_at(text.xy[0]), text.get_text()))
    labels = [label.get_text() for label in strip.get_yticklabels()]
    return [(label, marks) for label, (_, marks) in zip(labels, rows.items(), strict=True)]


@pytest.fixture(scope="module")
def measured():
    return tables_of()


@pytest.fixture(scope="module")
def figures(measured):
    return drawn(measured[0], measured[2])


def test_steps_axes_are_powers_of_two_and_say_what_they_show(figures):
    figure, _, _ = figures
    axes = figure.axes[-1]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert axes.get_xlabel() == "batch size $b$ (images)"
    assert axes.get_ylabel() == "steps $N(b)$ until classifier-FID ≤ 8"
    assert figure.get_suptitle() == "4.1 DCGAN on Fashion-MNIST"
    assert list(axes.get_xticks()) == [1, 2, 4, 8, 16, 32, 64]
    assert [t.get_text() for t in axes.get_xticklabels()] == [f"$2^{{{k}}}$" for k in range(7)]
    assert figure.get_figwidth() == 3.4


def test_every_seed_median_and_interval_is_drawn_where_it_was_measured(measured, figures):
    steps, bootstrap, _, _ = measured
    for figure, quantity in zip(figures[:2], ("steps", "sfo"), strict=True):
        for optimizer in FITS["dcgan"]:
            medians = medians_of(steps[steps["optimizer"] == optimizer])
            x, y = line(figure, f"median {optimizer}").get_data()
            known = np.isfinite(y)
            np.testing.assert_array_equal(size_at(x[known]), medians["batch_size"])
            np.testing.assert_array_equal(y[known], medians[f"median_{quantity}"])
            dots = line(figure, f"seeds {optimizer}").get_ydata()
            mine = steps[steps["optimizer"] == optimizer]
            assert np.isfinite(dots).sum() == (mine["status"] == "reached").sum()
            ends = bootstrap[bootstrap["optimizer"] == optimizer].dropna()
            expected = ends[["batch_size", f"{quantity}_low", f"{quantity}_high"]].to_numpy()
            found = [(size_at(x), low, high) for x, low, high in bars(figure, optimizer)]
            np.testing.assert_array_equal(found, expected)


def test_the_fit_its_pole_and_the_region_it_excludes(measured, figures):
    for row in measured[2].itertuples():
        b, n = line(figures[0], f"fit {row.optimizer}").get_data()
        known = np.isfinite(n)
        assert known.sum() > 300
        np.testing.assert_allclose(1 / n[known], row.intercept - row.slope / b[known], atol=1e-9)
        assert (b >= row.pole).all()
        assert set(line(figures[0], f"pole {row.optimizer}").get_xdata()) == {row.pole}
        (region,) = [p for p in figures[0].axes[-1].patches if row.optimizer in p.get_gid()]
        left = figures[0].axes[-1].get_xlim()[0]
        assert (region.get_x(), region.get_x() + region.get_width()) == (left, row.pole)
        assert f"{row.optimizer}: pole $b =$ {row.pole:.2g}" in legend_texts(figures[0])
    assert {"fit of Theorem 3.2", "fit: never reached"} <= set(legend_texts(figures[0]))


def test_a_pole_beyond_the_axes_shades_all_or_nothing():
    steps = steps_table(runs_of({("Adam", b): [900, 950, 990] for b in (4, 8, 16)}))
    beyond, _, _ = drawn(steps, fit_of(fits={"Adam": (0.2, 0.002)}))
    axes = beyond.axes[-1]
    (region,) = axes.patches
    assert (region.get_x(), region.get_x() + region.get_width()) == axes.get_xlim()
    assert lines(beyond, "fit Adam") == []
    before, _, _ = drawn(steps, fit_of(fits={"Adam": (0.001, 0.002)}))
    assert len(before.axes[-1].patches) == 0
    assert "fit: never reached" not in legend_texts(before)
    rising, _, _ = drawn(steps, fit_of(fits={"Adam": (-0.001, 0.002)}))
    assert np.isfinite(line(rising, "fit Adam").get_ydata()).all()
    assert legend_texts(rising)[0] == "Adam: no pole"
    flat = fit_of(fits={"Adam": (0.0, 0.002)}).assign(pole=np.nan)  # N(b) does not fall
    level, _, _ = drawn(steps, flat)
    np.testing.assert_allclose(line(level, "fit Adam").get_ydata(), 500)
    assert legend_texts(level)[0] == "Adam: no pole"


def test_a_median_line_breaks_where_no_majority_reached():
    numbers = {b: [100 * b, 100 * b, 100 * b] for b in (2, 4, 8)}
    numbers[4] = [400, "diverged", "step-limit"]
    figure, _, _ = drawn(steps_table(runs_of({("Adam", b): ends for b, ends in numbers.items()})))
    np.testing.assert_array_equal(line(figure, "median Adam").get_ydata(), [200, np.nan, 800])
    assert 400 in line(figure, "seeds Adam").get_ydata()
    assert counts(figure) == [("step limit", [(4, "1/3")]), ("diverged", [(4, "1/3")])]


def test_an_interval_without_an_upper_end_leaves_the_axes():
    steps = steps_table(runs_of({("Adam", 2): [800, 900, "step-limit"], ("Adam", 4): [500] * 3}))
    bootstrap = bootstrap_of(steps)
    assert np.isinf(bootstrap["steps_high"].iloc[0])
    for figure in drawn(steps):
        (_, low, high), _ = bars(figure, "Adam")
        top = figure.axes[-1].get_ylim()[1]
        assert low < high == top
        tip = lines(figure, "open Adam")[-1]
        assert (size_at(tip.get_xdata()[0]), tip.get_ydata()[0]) == (2, top)


def test_an_interval_far_below_its_marks_does_not_squeeze_them():
    steps = steps_table(runs_of({("Adam", b): [1000 // b] * 3 for b in (1, 2, 4)}))
    bootstrap = bootstrap_of(steps).assign(steps_low=0.3, sfo_low=0.3)
    figure, _, _ = drawn(steps, bootstrap=bootstrap)
    bottom = figure.axes[-1].get_ylim()[0]
    assert 250 / 4 / 2 <= bottom < 250
    assert {low for _, low, _ in bars(figure, "Adam")} == {bottom}
    (tips,) = lines(figure, "open Adam")
    assert tips.get_marker() == "v"
    assert list(tips.get_ydata()) == [bottom] * 3


def test_not_reached_strip_counts_each_status(figures):
    for figure in figures[:2]:
        assert figure.axes[0].get_title("left") == "not reached: seeds / all seeds"
        assert counts(figure) == [
            ("step limit", [(1, "3/3")]),
            ("step limit", [(1, "3/3")]),
            ("step limit", [(1, "2/3")]),
            ("diverged", [(1, "1/3")]),
        ]
        assert line(figure, "step-limit Adam").get_markerfacecolor() == "white"
        assert line(figure, "step-limit RMSProp").get_marker() == style.style_of("RMSProp").marker
        assert line(figure, "diverged RMSProp").get_marker() == "x"
        assert figure.axes[0].get_xlim() == figure.axes[1].get_xlim()


def test_no_strip_where_all_reached():
    steps = steps_table(runs_of({("Adam", b): [4096 // b] for b in (2, 4, 8)}))
    assert len(drawn(steps)[0].axes) == 1


def test_optimizers_stand_beside_each_other_and_nearest_to_their_batch_size():
    for most in (1, 64, 2**16):
        names = ["Adam", "AdaBelief", "RMSProp"]
        sizes = pd.DataFrame({"optimizer": names, "batch_size": [1, most, most]})
        factors = np.array([dodges(sizes)[name] for name in names])
        assert (np.diff(factors) > 0).all()
        assert (size_at(factors) == 1).all()


def test_critical_batch_size_is_a_star_with_its_interval_and_in_the_legend(measured, figures):
    steps, _, _, critical = measured
    figure = figures[1]
    for row in critical.itertuples():
        medians = medians_of(steps[steps["optimizer"] == row.optimizer])
        least = medians.loc[medians["median_sfo"].idxmin()]
        star = line(figure, f"critical {row.optimizer}")
        assert size_at(star.get_xdata()[0]) == least["batch_size"] == row.critical_batch_size
        assert star.get_ydata()[0] == least["median_sfo"]
        assert star.get_marker() == "*"
        drop = line(figure, f"drop {row.optimizer}").get_xydata()
        spread = line(figure, f"spread {row.optimizer}").get_xydata()
        assert drop[0, 1] == spread[0, 1] == spread[1, 1]
        assert figure.axes[-1].get_ylim()[0] < drop[0, 1] < steps["sfo"].min()
        size = row.critical_batch_size
        np.testing.assert_array_equal(size_at(spread[:, 0]), [size / 2, size * 2])
        b, low, high = map(style.power_of_two, (size, size / 2, size * 2))
        assert any(t.startswith(f"{row.optimizer}: $b^* =$ {b}") for t in legend_texts(figure))
        assert any(t.endswith(f", {low} to {high}") for t in legend_texts(figure))
    label = figure.axes[-1].get_ylabel()
    assert label == "SFO $b\\,N(b)$ (images) until\nclassifier-FID ≤ 8"


def test_legend_says_when_the_critical_batch_size_is_at_the_edge_or_missing():
    numbers = {("Adam", 2): [1000], ("Adam", 4): [1000]}
    numbers |= {("RMSProp", 2): ["diverged"], ("RMSProp", 4): ["diverged"]}
    nothing = table([], CRITICAL_INTERVALS)
    _, figure, cost = drawn(steps_table(runs_of(numbers)), intervals=nothing)
    assert {"Adam: $b^* =$ $2^{1}$ (bound)", "RMSProp: no $b^*$"} <= set(legend_texts(figure))
    assert lines(figure, "critical RMSProp") == []
    assert lines(figure, "spread Adam") == []
    assert "RMSProp: not reached" in legend_texts(cost)


def test_points_hold_no_number_for_a_seed_that_did_not_reach(measured):
    steps, bootstrap, fit, _ = measured
    data = points(steps, bootstrap, fit, "sfo")
    names = ["optimizer", "batch_size", "seed", "status", "sfo", "at_most"]
    assert list(data) == [*names, "median", "median_at_most", "low", "high", "fit"]
    assert len(data) == len(steps)
    assert (data["sfo"].notna() == (data["status"] == "reached")).all()
    assert data.loc[data["batch_size"] == 1, ["median", "low", "high"]].isna().all(axis=None)


def early_runs():
    """b = 2 and 4 miss before they hit; 8 and 16 hit at their first evaluation."""
    numbers = {("Adam", b): [n, n + 10, n + 20] for b, n in ((2, 900), (4, 300), (8, 60), (16, 50))}
    runs = runs_of(numbers)
    for run in runs[2:]:
        for result in run["results"]:
            result["last_miss"] = None
    return steps_table(runs)


def test_numbers_known_only_from_above_have_a_mark_of_their_own():
    steps = early_runs()
    bootstrap, _ = bootstrap_tables(steps)
    figures = drawn(steps, bootstrap=bootstrap)
    for figure in figures:
        marks = [xy for drawn in lines(figure, "at most Adam") for xy in drawn.get_xydata()]
        assert {size_at(x) for x, _ in marks} == {8, 16}
        assert "at most: first evaluation" in legend_texts(figure)
        figure.draw_without_rendering()
    # Which of the two is cheaper is unknown, so that there is no star.
    _, sfo, cost = figures
    assert lines(sfo, "critical Adam") == []
    assert "Adam: $b^*$ unknown" in legend_texts(sfo)
    assert "Adam: only upper bounds" in legend_texts(cost)
    assert all(len(star.get_xdata()) == 0 for star in lines(cost, "least sfo Adam"))


def test_fitted_steps_has_its_pole_and_its_limit():
    n = fitted_steps(np.array([1.0, 2.0, 4.0, 1e12]), slope=0.02, intercept=0.01)
    np.testing.assert_allclose(n, [np.nan, np.nan, 200.0, 100.0], rtol=1e-9)
    assert np.isnan(fitted_steps(np.array([4.0]), np.nan, np.nan)).all()


def test_cost_names_both_optima():
    numbers = {("Adam", b): [n] for b, n in {1: 900, 2: 400, 4: 200, 8: 150, 16: 140}.items()}
    numbers[("RMSProp", 2)] = ["step-limit"]
    steps = steps_table(runs_of(numbers))
    speed = speed_of(steps).assign(seed_steps_per_second=10.0)
    costs = cost_table(bootstrap_of(steps), speed)
    adam = costs[costs["optimizer"] == "Adam"]
    assert list(adam["sfo"]) == [900, 800, 800, 1200, 2240]
    assert list(adam["seconds"]) == [90, 40, 20, 15, 14]
    assert list(adam["fewest_images"]) == [False, True, False, False, False]  # smaller of equals
    assert list(adam["fastest"]) == [False, False, False, False, True]
    other = costs[costs["optimizer"] == "RMSProp"]
    assert other[["sfo", "seconds"]].isna().all(axis=None)
    assert not other[["fewest_images", "fastest"]].any(axis=None)
    figure = cost_figure(costs, **LABEL)
    assert legend_texts(figure)[:2] == [
        "Adam: fewest images at $2^{1}$, fastest at $2^{4}$",
        "RMSProp: not reached",
    ]
    above, below = figure.axes
    assert above.get_xlim() == below.get_xlim()
    assert below.get_ylabel() == "time of one seed (s)"
    (star,) = lines(figure, "least sfo Adam")
    assert (size_at(star.get_xdata()[0]), star.get_ydata()[0]) == (2, 800)
    (star,) = lines(figure, "least seconds Adam")
    assert (size_at(star.get_xdata()[0]), star.get_ydata()[0]) == (16, 14)
    slow = cost_table(bootstrap_of(steps), speed.assign(seed_steps_per_second=0.01))
    assert cost_figure(slow, **LABEL).axes[1].get_ylabel() == "time of one seed (h)"
    unknown = cost_table(bootstrap_of(steps), speed.assign(seed_steps_per_second=np.nan))
    figure = cost_figure(unknown, **LABEL)
    assert [text.get_text() for text in figure.axes[1].texts] == ["no speed recorded"]


@pytest.mark.parametrize(
    "numbers",
    [
        pytest.param({("Adam", 1): ["diverged"]}, id="one diverged seed"),
        pytest.param({("Adam", b): ["step-limit"] * 2 for b in (1, 2)}, id="none reached"),
        pytest.param({("Adam", 8): [900]}, id="one of everything"),
        pytest.param({("RMSProp", 8): [9, 9, 9]}, id="one batch size"),
        pytest.param({("Adam", b): [9000 // b] for b in (2, 4, 8)}, id="one seed"),
    ],
)
@pytest.mark.parametrize("rest", ["tables", "gaps", "nothing"])
def test_degenerate_tables_are_drawn(numbers, rest):
    steps = steps_table(runs_of(numbers))
    optimizer = next(iter(numbers))[0]
    gap = [("dcgan", optimizer, *[np.nan] * 10, 0, 0, 0, "no two batch sizes arrived")]
    changes = {}
    if rest == "gaps":
        numeric = ["median_steps", "steps_low", "steps_high", "median_sfo", "sfo_low", "sfo_high"]
        changes["bootstrap"] = bootstrap_of(steps).assign(**dict.fromkeys(numeric, np.nan))
        changes["intervals"] = intervals_of(critical_table(steps)).assign(low=np.nan, high=np.nan)
    if rest == "nothing":
        changes["bootstrap"] = table([], BOOTSTRAP)
        changes["intervals"] = table([], CRITICAL_INTERVALS)
        changes["speed"] = table([], SPEED)
    fit = None if rest == "nothing" else table(gap, CENSORED_FIT)
    figures = drawn(steps, fit, **changes)
    for figure in figures:
        figure.draw_without_rendering()
    assert f"{optimizer}: no fit" in legend_texts(figures[0])
    notes = [text.get_text() for text in figures[0].axes[-1].texts]
    reached = (steps["status"] == "reached").any()
    assert notes == ([] if reached else ["no seed reached the threshold"])


def test_no_batch_sizes_at_all_are_drawn():
    for figure in drawn(steps_table([])):
        figure.draw_without_rendering()
        marks = [line for line in figure.axes[-1].lines if "seeds" in (line.get_gid() or "")]
        assert marks == []
        assert figure.get_suptitle().startswith("4.1 DCGAN on Fashion-MNIST")


@pytest.fixture
def nine(monkeypatch):
    """Constants of nine optimizers."""
    for k in range(9):
        monkeypatch.setitem(style.OPTIMIZERS, f"Own{k}", style.OPTIMIZERS["Adam"])
    return {f"Own{k}": (0.002, 0.002) for k in range(9)}


def test_what_grows_with_the_optimizers_has_room(nine):
    heights = []
    for fits in ({"Adam": (0.0032, 0.0020)}, nine):
        steps, bootstrap, fit, _ = tables_of(fits=fits, spread=0.0)
        # Without the strip, which has a height of its own.
        steps = steps[steps["status"] == "reached"]
        figures = drawn(steps, fit, bootstrap=bootstrap[bootstrap["median_steps"].notna()])
        heights.append([figure.get_figheight() for figure in figures])
        assert all(figure.get_figwidth() == 3.4 for figure in figures)
    for of_one, of_nine in zip(*heights, strict=True):
        assert of_nine > of_one + 0.5
    assert heights[0][0] == 3.65


def test_the_legend_has_as_many_rows_as_the_longer_column(nine):
    for fits in ({"Adam": (0.0032, 0.0020)}, nine):
        steps, bootstrap, fit, _ = tables_of(fits=fits)
        texts = legend_texts(drawn(steps, fit, bootstrap=bootstrap)[0])
        rows = len(texts) // 2
        left, right = ([text for text in column if text] for column in (texts[:rows], texts[rows:]))
        assert rows == max(len(left), len(right))
        assert (len(left), len(texts) % 2) == (len(fits), 0)
        assert "one seed (line: median)" in right


def test_the_legend_shows_the_fit_as_it_is_drawn(figures):
    figure = figures[0]
    handles = dict(zip(legend_texts(figure), figure.legends[0].legend_handles, strict=True))
    (fit,) = lines(figure, "fit Adam")
    assert handles["fit of Theorem 3.2"].get_linestyle() == fit.get_linestyle() == "--"


def test_figures_have_the_sizes_of_the_style(figures):
    for figure in figures:
        assert {axes.xaxis.label.get_fontsize() for axes in figure.axes} == {7}
        assert figure.legends[0].get_texts()[0].get_fontsize() == 6.5


def test_nothing_that_arrived_is_said_on_the_axes():
    steps = steps_table(runs_of({("Adam", 2): ["step-limit"] * 3, ("Adam", 4): ["diverged"] * 3}))
    for figure, quantity in zip(drawn(steps)[:2], ("steps", "sfo"), strict=True):
        notes = [text.get_text() for text in figure.axes[-1].texts]
        assert notes == ["no seed reached the threshold"], quantity


def test_costs_lie_within_their_axes_and_stars_have_their_colours(measured, figures):
    above, below = figures[2].axes
    for axes, quantity in ((above, "sfo"), (below, "seconds")):
        numbers = np.concatenate(
            [one.get_ydata() for one in axes.lines if str(one.get_gid()).startswith(quantity)]
        )
        numbers = numbers[np.isfinite(numbers)]
        low, high = axes.get_ylim()
        assert low < numbers.min() < 8 * low
        assert high / 8 < numbers.max() < high
        for optimizer in FITS["dcgan"]:
            star = line(figures[2], f"least {quantity} {optimizer}")
            assert star.get_color() == style.style_of(optimizer).colour


def test_the_strip_has_the_colours_of_its_optimizers_and_no_scale_of_its_own(figures):
    figure, _, _ = figures
    strip = figure.axes[0]
    figure.draw_without_rendering()
    assert not any(label.get_visible() for label in strip.get_xticklabels())
    ticks = strip.xaxis.get_major_ticks()
    assert not any(tick.tick1line.get_visible() for tick in ticks)
    for label, (_, marks) in zip(strip.get_yticklabels(), counts(figure), strict=True):
        (row,) = [t for t in strip.texts if round(t.xy[1]) == round(label.get_position()[1])][:1]
        assert marks
        assert label.get_color() == row.get_color()


def test_an_axis_of_cost_without_a_number_has_no_scale(measured):
    steps, bootstrap, _, _ = measured
    speed = speed_of(steps)
    speed["seed_steps_per_second"] = np.nan
    above, below = drawn(steps, bootstrap=bootstrap, speed=speed)[2].axes
    assert above.get_ylabel() == "SFO $b\\,N(b)$ (images)"
    assert below.get_xlabel() == "batch size $b$ (images)"
    assert len(above.get_yticks()) > 1
    assert list(below.get_yticks()) == []
    assert [text.get_text() for text in below.texts] == ["no speed recorded"]


def test_an_interval_moves_the_axis_no_further_than_four_times_the_numbers(measured):
    wide = measured[1].assign(steps_low=1.0, steps_high=1e9)
    plain, _, _ = drawn(measured[0], bootstrap=wide)
    low, high = plain.axes[-1].get_ylim()
    numbers = measured[0]["steps"].dropna()
    margin = 0.08 * np.log2(16 * numbers.max() / numbers.min())
    assert np.log2(high) == pytest.approx(np.log2(4 * numbers.max()) + margin, abs=1e-6)
    assert np.log2(low) == pytest.approx(np.log2(numbers.min() / 4) - margin, abs=1e-6)
