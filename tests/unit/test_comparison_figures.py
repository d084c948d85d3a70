"""Heat map, strip, and the figures of all experiments together."""

import numpy as np
import pytest
from critical_batch.reporting import style
from critical_batch.reporting.figures.critical import critical_figure
from critical_batch.reporting.figures.fid_noise import fid_noise_figure
from critical_batch.reporting.figures.learning_rates import learning_rates_figure, proportional
from critical_batch.reporting.figures.noise_scale import noise_scale_figure
from critical_batch.reporting.figures.thresholds import thresholds_figure
from critical_batch.tables.theory import COMPARISON
from figure_examples import (
    comparison_of,
    learning_rates_example,
    noise_of,
    repetitions_of,
    table,
    thresholds_of,
)
from matplotlib.patches import Rectangle

LABEL = {"title": "4.1 DCGAN on Fashion-MNIST", "metric": "classifier-FID", "threshold": 8.0}


def lines(axes, gid):
    return [line for line in axes.lines if line.get_gid() == gid]


def words(axes):
    return [text.get_text() for text in axes.texts]


def legend_texts(figure):
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def patches(axes, gid):
    found = [p for p in axes.patches if isinstance(p, Rectangle) and p.get_gid() == gid]
    return [(p.get_x(), p.get_y(), p.get_height()) for p in found]


# ------------------------------------------------------------------------------------- thresholds


def test_heat_map_has_a_cell_per_optimizer_and_threshold():
    sizes = thresholds_of()
    figure = thresholds_figure(sizes, **LABEL)
    axes = figure.axes[0]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["Adam", "AdaBelief", "RMSProp"]
    shown = [float(t.get_text()) for t in axes.get_xticklabels()]
    assert shown == sorted(shown, reverse=True)
    cells = np.array(axes.collections[0].get_array().filled(np.nan)).reshape(3, 10)
    adam = sizes[sizes["optimizer"] == "Adam"].sort_values("threshold", ascending=False)
    np.testing.assert_array_equal(cells[0], np.log2(adam["critical_batch_size"]))
    assert words(axes)[:3] == ["$2^{1}$", "$2^{1}$", "$2^{1}$"]
    assert "$\\leq$$2^{0}$" in words(axes)
    assert "?$2^{3}$" in words(axes)
    assert patches(axes, "not reached") == [(8, 2, 1), (9, 2, 1)]
    assert patches(axes, "configured") == [(5, 0, 3)]
    assert legend_texts(figure)[-1] == "not reached"
    figure.draw_without_rendering()


@pytest.mark.parametrize("kept", [0, 1, 30])
def test_heat_map_without_numbers_is_drawn(kept):
    sizes = thresholds_of().head(kept).assign(critical_batch_size=np.nan, at_edge="")
    figure = thresholds_figure(sizes, **LABEL)
    figure.draw_without_rendering()
    assert len(patches(figure.axes[0], "not reached")) == kept
    assert words(figure.axes[0]) == ([] if kept else ["no thresholds"])


def test_heat_map_tells_reached_too_early_from_not_reached():
    sizes = thresholds_of().head(3).assign(critical_batch_size=[np.nan, np.nan, 4.0])
    sizes["at_edge"] = ["early", "", "early"]
    figure = thresholds_figure(sizes, **LABEL)
    (axes,) = figure.axes
    assert len(patches(axes, "reached at the first evaluation")) == 1
    assert len(patches(axes, "not reached")) == 1
    assert "?$2^{2}$" in words(axes)
    assert {"not reached", "reached at the first evaluation"} <= set(legend_texts(figure))
    figure.draw_without_rendering()


# -------------------------------------------------------------------------------------- fid_noise


def test_strip_has_every_distance_the_mean_and_the_threshold():
    repetitions = repetitions_of()
    figure = fid_noise_figure(repetitions, **LABEL)
    (axes,) = figure.axes
    dots = axes.collections[0].get_offsets()[:, 0]
    np.testing.assert_allclose(sorted(dots), sorted(repetitions["distance"]))
    mean, sd = repetitions["distance"].mean(), repetitions["distance"].std(ddof=1)
    assert set(lines(axes, "mean")[0].get_xdata()) == {mean}
    assert set(lines(axes, "threshold")[0].get_xdata()) == {8.0}
    (band,) = [patch for patch in axes.patches if patch.get_gid() == "sd"]
    np.testing.assert_allclose([band.get_x(), band.get_width()], [mean - sd, 2 * sd])
    assert axes.get_title("left") == f"mean {mean:.4g}, sd {sd:.2g} (shaded)"
    assert "Adam, $b =$ $2^{3}$, seed 0: 6 sets of 2,000 samples" in figure.get_suptitle()
    low, high = axes.get_xlim()
    assert low < min(*repetitions["distance"], 8.0)
    assert high > max(*repetitions["distance"], 8.0)


def test_strip_says_what_is_missing():
    repetitions = repetitions_of()
    repetitions.loc[0, "distance"] = np.inf
    assert "1 not finite" in fid_noise_figure(repetitions, **LABEL).axes[0].get_title("left")
    diverged = fid_noise_figure(repetitions.assign(distance=np.nan), **LABEL)
    assert words(diverged.axes[0]) == ["no finite distance: the generator diverged"]
    assert words(fid_noise_figure(repetitions.head(0), **LABEL).axes[0]) == ["no evaluations"]
    one = fid_noise_figure(repetitions.tail(1), **LABEL)
    assert "sd" not in one.axes[0].get_title("left")
    for figure in (diverged, one):
        figure.draw_without_rendering()


# --------------------------------------------------------------------------------------- critical


def test_every_measure_stands_at_its_size():
    comparison = comparison_of()
    figure = critical_figure(comparison)
    (axes,) = figure.axes
    labels = [t.get_text() for t in axes.get_yticklabels()]
    assert labels[:3] == ["4.1 Adam", "4.1 AdaBelief", "4.1 RMSProp"]
    for gid in ("measured", "fitted", "estimated_exact", "published_estimated"):
        drawn = {round(mark.get_ydata()[0]): mark.get_xdata()[0] for mark in lines(axes, gid)}
        assert drawn == dict(enumerate(comparison[gid]))
    first = lines(axes, "interval")[0].get_xdata()
    assert list(first) == list(comparison.loc[0, ["measured_low", "measured_high"]])
    hollow = lines(axes, "published_measured")[0]
    assert hollow.get_markerfacecolor() == "white"
    assert lines(axes, "measured")[0].get_color() == style.style_of("Adam").colour
    assert "paper: estimated" in legend_texts(figure)
    figure.draw_without_rendering()


def test_missing_measures_are_said_in_words_and_long_intervals_end_with_a_tip():
    comparison = comparison_of(["dcgan"])
    types = COMPARISON.types(floats=True)
    numbers = [name for name, kind in types.items() if kind == "float64"]
    comparison.loc[0, numbers] = np.nan
    comparison.loc[1, "fitted"] = np.nan
    comparison.loc[2, ["measured_high", "fitted_high"]] = [np.inf, 1e9]
    comparison.loc[2, "noise_scale_generator"] = -3.0
    comparison.loc[1:, "at_edge"] = ["smallest", ""]
    figure = critical_figure(comparison)
    (axes,) = figure.axes
    said = ["not reached, no fitted $b^*$", "no fitted $b^*$"]
    assert [text for text in words(axes) if "no" in text] == said
    (bound,) = [text for text in axes.texts if text.get_text() == "$\\leq$"]
    assert bound.xy[0] == comparison.loc[1, "measured"]
    assert legend_texts(figure)[-1] == "$\\leq$, $\\geq$, ?: a bound"
    right = axes.get_xlim()[1]
    assert right < 2**12
    assert [tip.get_xdata()[0] for tip in lines(axes, "open")] == [right, right]
    assert [round(m.get_ydata()[0]) for m in lines(axes, "noise_scale_generator")] == [1]
    figure.draw_without_rendering()
    for kept in (comparison.head(1), comparison.head(0)):
        critical_figure(kept).draw_without_rendering()


def test_experiments_that_share_a_section_go_by_their_names():
    comparison = comparison_of().assign(section="4.1")
    labels = [t.get_text() for t in critical_figure(comparison).axes[0].get_yticklabels()]
    assert labels[0] == "dcgan Adam"
    assert labels[-1] == "biggan AdaBelief"


# ------------------------------------------------------------------------------------ noise_scale


def test_noise_scales_of_both_players_beside_the_measured_size():
    noise, comparison = noise_of(), comparison_of()
    figure = noise_scale_figure(noise, comparison)
    assert len(figure.axes) == 3 * 2
    generator, discriminator = figure.axes[:2]
    assert generator.get_title() == "dcgan: generator"
    rows = noise[(noise["experiment"] == "dcgan") & (noise["optimizer"] == "Adam")]
    for axes, player in ((generator, "generator"), (discriminator, "discriminator")):
        (line,) = lines(axes, "noise Adam")
        mine = rows[rows["player"] == player]
        np.testing.assert_array_equal(line.get_xdata(), mine["step"])
        np.testing.assert_array_equal(line.get_ydata(), mine["noise_scale"])
        size = comparison.loc[0, "measured"]
        assert set(lines(axes, "measured Adam")[0].get_ydata()) == {size}
    (none,) = lines(generator, "no estimate RMSProp")
    assert list(none.get_xdata()) == [3200]
    assert "no estimate" in legend_texts(figure)
    one_seed_without = noise.assign(high=np.nan)
    panel = noise_scale_figure(one_seed_without, comparison).axes[0]
    (band,) = [c for c in panel.collections if c.get_gid() == "seeds Adam"]
    assert band.get_paths()[0].vertices[:, 1].max() == pytest.approx(panel.get_ylim()[1])
    figure.draw_without_rendering()


@pytest.mark.parametrize("kept", [0, 1, 4])
def test_noise_scales_that_are_missing_are_drawn(kept):
    noise = noise_of(["dcgan"]).head(kept)
    nothing = table([], COMPARISON)
    figure = noise_scale_figure(noise, nothing)
    figure.draw_without_rendering()
    assert words(figure.axes[1]) == (["not probed"] if kept else [])
    assert words(figure.axes[0]) == ([] if kept else ["no probes"])
    gaps = noise.assign(noise_scale=np.nan, low=np.nan, high=np.nan)
    noise_scale_figure(gaps, comparison_of()).draw_without_rendering()


# --------------------------------------------------------------------------------- learning rates


def test_theory_goes_through_the_middle_measured_point():
    sizes = learning_rates_example()
    adam = sizes[sizes["optimizer"] == "Adam"]
    assert proportional(adam) == (0.002, 4.0)
    assert proportional(adam.head(2)) == (0.001, 2.0)
    assert np.isnan(proportional(adam.assign(measured=np.nan))).all()
    figure = learning_rates_figure(sizes)
    (axes,) = figure.axes
    x, y = lines(axes, "theory Adam")[0].get_data()
    np.testing.assert_allclose(y / x, 4.0 / 0.002)
    assert list(lines(axes, "measured Adam")[0].get_ydata()) == [2.0, 4.0, 8.0]
    np.testing.assert_allclose(lines(axes, "fitted Adam")[0].get_ydata(), [2.4, 4.8, 9.6])
    (missed,) = lines(axes, "not reached RMSProp")
    assert missed.get_xdata()[0] == pytest.approx(0.004, rel=0.1)
    assert list(axes.get_xticks()) == [0.001, 0.002, 0.004]
    figure.draw_without_rendering()


@pytest.mark.parametrize("kept", [0, 1, 9])
def test_rates_without_measured_sizes_are_drawn(kept):
    sizes = learning_rates_example().head(kept)
    gaps = dict.fromkeys(("measured", "low", "high", "fitted"), np.nan)
    figure = learning_rates_figure(sizes.assign(**gaps))
    figure.draw_without_rendering()
    said = "no critical batch size was measured" if kept else "no experiments"
    assert words(figure.axes[0]) == [said]
