"""The look of every figure: colours, axes, writing."""

import numpy as np
import pandas as pd
import pytest
from critical_batch import optimizers
from critical_batch.reporting import style
from critical_batch.reporting.figures.sfo import critical_with_interval, sfo_figure
from critical_batch.reporting.figures.steps import steps_figure
from critical_batch.runtime.errors import UserError
from figure_examples import tables_of
from matplotlib.text import Text
from PIL import Image

LABEL = {"title": "4.1 DCGAN on Fashion-MNIST", "metric": "classifier-FID", "threshold": 8.0}


@pytest.fixture(scope="module")
def small():
    """One optimizer, for what is slow: layout and writing."""
    return tables_of(fits={"Adam": (0.0032, 0.0020)})


def sfo_of(tables, **label):
    *medians, critical = tables
    intervals = pd.DataFrame({"optimizer": ["Adam"], "low": [2.0], "high": [8.0]})
    return sfo_figure(*medians, critical_with_interval(critical, intervals), **(LABEL | label))


def test_look_is_constant_per_optimizer_and_the_next_one_is_new(monkeypatch):
    steps, bootstrap, fit, _ = tables_of()
    for names in (["Adam", "RMSProp"], ["RMSProp"]):
        tables = (table[table["optimizer"].isin(names)] for table in (steps, bootstrap, fit))
        axes = steps_figure(*tables, **LABEL).axes[-1]
        (drawn,) = [line for line in axes.lines if line.get_gid() == "median RMSProp"]
        assert (drawn.get_color(), drawn.get_marker()) == ("#009E73", "^")
    fixed = [style.style_of(name) for name in ("Adam", "AdaBelief", "RMSProp")]
    entry = optimizers.OPTIMIZERS["Adam"]
    more = dict(optimizers.OPTIMIZERS) | {f"New{k}": entry for k in range(39)}
    monkeypatch.setattr(style, "OPTIMIZERS", more)
    looks = [style.style_of(name) for name in more]
    assert looks[:3] == fixed
    assert len(set(looks)) == 42


def test_an_optimizer_outside_the_registry_is_a_user_error():
    with pytest.raises(UserError, match="'SGD' has no style"):
        style.style_of("SGD")


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([], [1, 2]),
        ([np.nan, -1, 0, np.inf], [1, 2]),
        ([8, 8], [4, 8, 16]),
        ([3], [2, 4]),
        ([2.0**k for k in range(17)], [2.0**k for k in range(0, 17, 3)]),
    ],
)
def test_log2_axis_has_at_least_two_and_not_too_many_ticks(values, ticks):
    axes = style.Figure().subplots()
    style.log2_axis(axes.yaxis, values)
    assert list(axes.get_yticks()) == ticks
    low, high = axes.get_ylim()
    assert low <= min(ticks)
    assert high >= max(ticks)


@pytest.mark.parametrize(
    ("values", "most", "ticks"),
    [
        ([], 8, [1, 2, 5, 10]),
        ([np.nan, -1, np.inf, 3, 30], 8, [5, 10, 20]),
        ([1, 1e6], 8, [10.0**k for k in range(7)]),
    ],
)
def test_plain_log_axis_has_plain_ticks_inside(values, most, ticks):
    axes = style.Figure().subplots()
    style.plain_log_axis(axes.xaxis, values, most)
    assert list(axes.get_xticks()) == ticks
    assert axes.get_xscale() == "log"


def test_a_narrow_plain_log_axis_still_has_two_ticks_inside():
    axes = style.Figure().subplots()
    style.plain_log_axis(axes.yaxis, [14.8, 15.2])
    low, high = axes.get_ylim()
    assert sum(low <= tick <= high for tick in axes.get_yticks()) >= 2


@pytest.mark.parametrize("metric", ["classifier-FID", "FID of each image stretched by itself"])
@pytest.mark.parametrize(
    "title", [LABEL["title"], "4.3 BigGAN on a data set with a long name " * 2]
)
def test_labels_stay_clear_of_the_strip_and_inside_the_figure(small, title, metric):
    figure = sfo_of(small, title=title, metric=metric)
    figure.draw_without_rendering()
    strip, axes = figure.axes
    label = axes.yaxis.label.get_window_extent()
    assert label.y1 < strip.get_yticklabels()[0].get_window_extent().y0
    for box in (label, axes.xaxis.label.get_window_extent(), figure.legends[0].get_window_extent()):
        assert figure.bbox.x0 <= box.x0
        assert box.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= box.y0


def test_the_longest_legend_fits_the_column():
    steps, bootstrap, fit, critical = tables_of()
    steps, bootstrap = (t.assign(batch_size=64 * t["batch_size"]) for t in (steps, bootstrap))
    sizes = critical.assign(critical_batch_size=2**10, at_edge="largest", low=2**9, high=2**12)
    figure = sfo_figure(steps, bootstrap, fit, sizes, **LABEL)
    figure.draw_without_rendering()
    legend = figure.legends[0].get_window_extent()
    assert figure.bbox.x0 <= legend.x0
    assert legend.x1 <= figure.bbox.x1


def test_text_of_the_user_is_never_mathematics(small):
    figure = sfo_of(small, title=r"$\broken{ & $x", metric="$FID$")
    figure.draw_without_rendering()
    assert figure.get_suptitle() == r"\$\broken{ & \$x"


def test_writing_twice_gives_the_same_bytes(small, tmp_path):
    data = pd.DataFrame({"batch_size": [1, 2]})
    for folder in "ab":
        style.write(sfo_of(small), data, tmp_path / folder, "sfo")
    names = {".pdf": b"%PDF", ".png": b"\x89PNG", ".csv": b"batch_size\n1\n2\n"}
    for suffix, start in names.items():
        first, second = ((tmp_path / folder / f"sfo{suffix}").read_bytes() for folder in "ab")
        assert first == second
        assert first.startswith(start)
        assert b"CreationDate" not in first
    assert len(list((tmp_path / "a").iterdir())) == 3  # no temporary file is left


def test_png_has_200_dots_per_inch_and_the_width_of_a_column(small, tmp_path):
    style.write(sfo_of(small), pd.DataFrame(), tmp_path, "sfo")
    with Image.open(tmp_path / "sfo.png") as image:
        assert image.width == 680


def test_no_text_is_smaller_than_six_points(small):
    figure = sfo_of(small)
    texts = [text for text in figure.findobj(Text) if text.get_text()]
    assert len(texts) > 10
    assert min(text.get_fontsize() for text in texts) >= 6
