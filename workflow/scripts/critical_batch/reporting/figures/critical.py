"""Every measure of the critical batch size side by side: measured, estimated, fitted, published."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..style import (
    COLUMN_WIDTH,
    GREY,
    SMALL,
    centred_text,
    escaped,
    heading,
    log2_axis,
    style_of,
    styled,
    within_reach,
)
from .shared import BOUNDS

LANES = {"measured": -0.36, "fitted": -0.18, "estimated": 0, "noise": 0.18, "published": 0.36}
"""Heights within a row, downwards."""

MARKS = [
    *("measured", "fitted", "estimated_exact"),
    *("noise_scale_generator", "noise_scale_discriminator"),
    *("published_measured", "published_estimated"),
]
ENDS = ["measured_low", "measured_high", "fitted_low", "fitted_high"]


def draw(tables: Mapping[str, pd.DataFrame]) -> tuple[Figure, pd.DataFrame]:
    """The figure, and the sizes that it shows."""
    comparison = tables["comparison"].drop(columns="estimated")  # the power of two of another
    return critical_figure(comparison), comparison


@styled()
def critical_figure(comparison: pd.DataFrame) -> Figure:
    """Dots per section and optimizer over a batch size axis of base two.

    comparison: comparison.csv, in the order of the rows. From the top of a row: measured,
    with its interval; the fit of Theorem 3.2, with its interval; the estimate of Proposition 3.4
    and the noise scale of G; that of D; the paper's measured and estimated sizes, hollow. What is
    missing of the first two is said in words. A tip ends an interval that leaves the axes.
    """
    rows = max(len(comparison), 1)
    figure = Figure(figsize=(COLUMN_WIDTH, 1.35 + 0.45 * rows), layout="constrained")
    axes = figure.subplots()
    marks, ends = (comparison[names].to_numpy(dtype=float).ravel() for names in (MARKS, ENDS))
    log2_axis(axes.xaxis, within_reach(marks, ends, 8), most_ticks=9)
    axes.set_xlabel("critical batch size $b^*$ (images)")
    axes.set_ylim(rows - 0.5, -0.5)
    axes.set_yticks(range(len(comparison)), _labels(comparison))
    axes.tick_params(axis="y", length=0)
    axes.grid(False, axis="y")
    if comparison.empty:
        centred_text(axes, "no experiments")
    experiments = comparison["experiment"].to_numpy()
    for height, row in enumerate(comparison.itertuples()):
        _draw_row(axes, height, row)
        if height:
            new = experiments[height] != experiments[height - 1]
            axes.axhline(height - 0.5, color=GREY if new else "#dddddd", linewidth=0.5)
    for label, row in zip(axes.get_yticklabels(), comparison.itertuples(), strict=True):
        label.set_color(style_of(row.optimizer).colour)
    keys = _keys(comparison)
    if keys:
        figure.legend(keys.values(), keys.keys(), loc="outside lower center", ncols=2)
    heading(figure, "Critical batch sizes")
    return figure


def _labels(comparison: pd.DataFrame) -> list[str]:
    """Section and optimizer, or where several experiments share a section their name instead."""
    alone = comparison.groupby("section")["experiment"].nunique().eq(1).all()
    names = comparison["section" if alone else "experiment"]
    pairs = zip(names, comparison["optimizer"], strict=True)
    return [f"{escaped(name)} {optimizer}" for name, optimizer in pairs]


def _draw_row(axes: Axes, height: float, row) -> None:
    of = style_of(row.optimizer)
    at = {lane: height + offset for lane, offset in LANES.items()}
    missing = []
    if np.isfinite(row.measured):
        _interval(axes, at["measured"], row.measured_low, row.measured_high, of.colour, 1.6)
        beside = {"xytext": (-3.5, 0), "textcoords": "offset points", "ha": "right", "va": "center"}
        bound = BOUNDS.get(row.at_edge, "")
        axes.annotate(bound, (row.measured, at["measured"]), fontsize=SMALL, **beside)
    else:
        missing += ["only upper bounds" if row.at_edge == "early" else "not reached"]
    if np.isfinite(row.fitted):
        _interval(axes, at["fitted"], row.fitted_low, row.fitted_high, of.colour, 0.8)
    else:
        missing += ["no fitted $b^*$"]
    lane = at["fitted" if np.isfinite(row.measured) else "measured"]
    place = {"xytext": (3, lane), "textcoords": ("offset points", "data"), "va": "center"}
    left = axes.get_xlim()[0]
    axes.annotate(", ".join(missing), (left, lane), color=of.colour, fontsize=SMALL, **place)
    ours = {"color": of.colour, "markeredgewidth": 0}
    paper = {"markerfacecolor": "white", "markeredgecolor": GREY, "markeredgewidth": 0.7}
    for column, lane, style in (
        ("measured", "measured", {"marker": of.marker, "markersize": 4.5, **ours}),
        ("fitted", "fitted", {"marker": "|", "markersize": 5, **ours, "markeredgewidth": 1.2}),
        ("estimated_exact", "estimated", {"marker": "+", **ours, "markeredgewidth": 1}),
        ("noise_scale_generator", "estimated", {"marker": "$G$", "markersize": 5.5, **ours}),
        ("noise_scale_discriminator", "noise", {"marker": "$D$", "markersize": 5.5, **ours}),
        ("published_measured", "published", {"marker": of.marker, "markersize": 4, **paper}),
        ("published_estimated", "published", {"marker": "P", "markersize": 4, **paper}),
    ):
        size = getattr(row, column)
        if np.isfinite(size) and size > 0:
            axes.plot([size], [at[lane]], linestyle="none", gid=column, **style)


def _interval(axes: Axes, height: float, low: float, high: float, colour: str, width: float):
    """A horizontal bar; where it leaves the axes it ends with a tip."""
    if not np.isfinite(low):
        return
    left, right = axes.get_xlim()
    high = high if np.isfinite(high) else np.inf
    bar = {"linewidth": width, "alpha": 0.5, "solid_capstyle": "butt", "color": colour}
    ends = [max(low, left), min(high, right)]
    axes.plot(ends, [height] * 2, gid="interval", **bar)
    for beyond, marker, end in ((low < left, "<", left), (high > right, ">", right)):
        if beyond:
            tip = {"marker": marker, "markersize": 3, "markeredgewidth": 0, "clip_on": False}
            axes.plot([end], [height], color=colour, gid="open", **tip)


def _keys(comparison: pd.DataFrame) -> dict[str, Line2D]:
    """Legend entries for what is there."""
    plain_line = {"color": GREY, "linestyle": "none"}
    hollow = {"markerfacecolor": "white", "markeredgecolor": GREY, "markeredgewidth": 0.7}
    noise = {"markeredgewidth": 0, "markersize": 5.5}
    entries = {
        "measured": ("measured, 95 % interval", {"marker": "o", "markersize": 4.5}),
        "fitted": ("fit of Theorem 3.2, 95 %", {"marker": "|", "markersize": 6}),
        "estimated_exact": ("estimated (Prop. 3.4)", {"marker": "+", "markersize": 5}),
        "noise_scale_generator": ("noise scale, generator", {"marker": "$G$", **noise}),
        "noise_scale_discriminator": ("noise scale, discriminator", {"marker": "$D$", **noise}),
        "published_measured": ("paper: measured", {"marker": "o", "markersize": 4, **hollow}),
        "published_estimated": ("paper: estimated", {"marker": "P", "markersize": 4, **hollow}),
    }
    keys = {
        text: Line2D([], [], **plain_line, **look_of)
        for column, (text, look_of) in entries.items()
        if np.isfinite(comparison[column].astype(float)).any()
    }
    if comparison["at_edge"].isin(list(BOUNDS)).any():
        keys["$\\leq$, $\\geq$, ?: a bound"] = Line2D([], [], linestyle="none")
    return keys
