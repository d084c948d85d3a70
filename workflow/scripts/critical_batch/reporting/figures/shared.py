"""What figures against batch size share: seeds, medians, intervals, the fit, the strip of the rest.

The lines of an optimizer carry gids, such as "median Adam", "interval Adam", "fit Adam", "pole
Adam", and those of the strip "step-limit Adam", by which they are found again.
"""

from collections.abc import Mapping
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ...analysis.aggregate import STATUSES, median_sfo, only_upper_bound
from ..style import (
    COLUMN_WIDTH,
    GREY,
    SMALL,
    centred_text,
    end_mark,
    escaped,
    log2_axis,
    ordered,
    style_of,
    within_reach,
)

AT_MOST = "at most: first evaluation"
DASHES = (0, (4, 2))  # of every fit
BOUNDS = {"smallest": r"$\leq$", "largest": r"$\geq$", "censored": "?", "early": "?"}
"""Before a critical batch size that is only a bound (see `analysis.aggregate.critical_table`)."""

UPPER_BOUND = {"linestyle": "none", "marker": "v", "markersize": 5, "markerfacecolor": "white"}
"""The mark of a number that is only an upper bound."""

SHADE = 0.08  # opacity of the region that a fit excludes


def fitted_steps(batch_size: np.ndarray, slope: float, intercept: float) -> np.ndarray:
    """N(b) = b / (intercept b - slope), NaN where the fit says the threshold is out of reach.

    Theorem 3.2 as censored_fit.csv has it: 1/N(b) = intercept - slope / b, so b > slope /
    intercept, the pole.
    """
    batch_size = np.asarray(batch_size, dtype=float)
    below = intercept * batch_size - slope
    return np.divide(batch_size, below, out=np.full_like(batch_size, np.nan), where=below > 0)


def fitted(batch_size: np.ndarray, row, quantity: str) -> np.ndarray:
    """`fitted_steps` of a row of the fit, or with quantity "sfo" that times the batch size."""
    steps = fitted_steps(batch_size, row.slope, row.intercept)
    return steps * np.asarray(batch_size, dtype=float) if quantity == "sfo" else steps


def points(
    steps: pd.DataFrame, bootstrap: pd.DataFrame, fit: pd.DataFrame, quantity: str
) -> pd.DataFrame:
    """What the figures against batch size draw: one row per seed of one experiment.

    quantity: "steps" or "sfo". steps: columns of steps.csv. bootstrap, fit: those of bootstrap.csv
    and censored_fit.csv; each may lack rows. Returns optimizer, batch_size, seed, status,
    {quantity}, at_most, median, median_at_most, low, high, fit. `median` is that of
    `analysis.aggregate.median_sfo`, NaN where no more than half of the seeds reached the threshold;
    low, high: its 95 % interval, high inf where resamples mostly without an arrival are within it.
    at_most, median_at_most: whether the number is only an upper bound, because the threshold was
    reached at the first evaluation.
    """
    keys = ["optimizer", "batch_size"]
    medians = median_sfo(steps).rename(
        columns={f"median_{quantity}": "median", "upper_bound": "median_at_most"}
    )
    table = steps[[*keys, "seed", "status", quantity]].astype({quantity: "float64"})
    table = table.assign(at_most=only_upper_bound(steps))
    medians = medians[[*keys, "median", "median_at_most"]]
    table = table.merge(medians, on=keys).sort_values([*keys, "seed"])
    table["median"] = table["median"].replace(np.inf, np.nan)
    intervals = bootstrap[[*keys, f"{quantity}_low", f"{quantity}_high"]]
    intervals = intervals.set_axis([*keys, "low", "high"], axis="columns")
    table = table.merge(intervals, how="left", on=keys, validate="many_to_one")
    table["fit"] = np.nan
    for row in fit.itertuples():
        mine = table["optimizer"] == row.optimizer
        table.loc[mine, "fit"] = fitted(table.loc[mine, "batch_size"], row, quantity)
    return table.reset_index(drop=True)


def dodges(table: pd.DataFrame) -> dict[str, float]:
    """Factors on batch sizes that set the optimizers beside each other, around 1.

    table: columns optimizer, batch_size. Neighbours are 1.5 % of the axis apart, and all of them
    together take at most 0.6 octaves.
    """
    names = ordered(table["optimizer"])
    span = np.log2(table["batch_size"].max() / table["batch_size"].min()) + 1
    step = min(0.015 * span, 0.6 / max(len(names), 1))
    middle = (len(names) - 1) / 2
    return {name: 2.0 ** (step * (place - middle)) for place, name in enumerate(names)}


def threshold_label(quantity: str, metric: str, threshold: float) -> str:
    """`quantity until metric <= threshold`, wrapped; metric is the user's text."""
    text = f"{quantity} until {escaped(metric)} ≤ {threshold:g}"
    return fill(text, 42, break_on_hyphens=False)


def against_batch_size(table: pd.DataFrame, fit: pd.DataFrame, quantity: str):
    """A Figure and its Axes with everything that steps and SFO have in common.

    table: from `points`. Both axes are logarithmic to base two; the strip above the axes counts
    the seeds that did not reach, by optimizer and by how they ended.
    """
    missed = table[table["status"] != "reached"]
    rows = [
        (optimizer, status)
        for optimizer in ordered(missed["optimizer"])
        for status in STATUSES
        if ((missed["optimizer"] == optimizer) & (missed["status"] == status)).any()
    ]
    strip_height = 0.14 * len(rows)  # inches
    height = max(3.65, 3.15 + 0.13 * table["optimizer"].nunique())  # the legend grows with them
    figure = Figure(figsize=(COLUMN_WIDTH, height + strip_height), layout="constrained")
    dodge = dodges(table)
    if rows:
        strip, axes = figure.subplots(2, 1, sharex=True, height_ratios=[strip_height, 1.9])
        _draw_strip(strip, table, rows, dodge)
    else:
        axes = figure.subplots()
    axes.set_xlabel("batch size $b$ (images)")
    log2_axis(axes.xaxis, table["batch_size"], most_ticks=12)
    ends = table[["low", "high"]].to_numpy().ravel()
    log2_axis(axes.yaxis, within_reach(table[quantity], ends, 4))
    if table[quantity].isna().all():
        axes.set_yticks([])
        centred_text(axes, "no seed reached the threshold")
    for optimizer in ordered(table["optimizer"]):
        mine, of = table[table["optimizer"] == optimizer], style_of(optimizer)
        style = {"color": of.colour, "marker": of.marker}
        dots = {"linestyle": "none", "markersize": 2.2, "markeredgewidth": 0, "alpha": 0.45}
        beside = mine["batch_size"] * dodge[optimizer]
        axes.plot(beside, mine[quantity], gid=f"seeds {optimizer}", **style, **dots)
        columns = ["median", "median_at_most", "low", "high"]
        medians = mine.groupby("batch_size")[columns].first()
        beside = medians.index * dodge[optimizer]
        line = {"linewidth": 0.9, "zorder": 3, "gid": f"median {optimizer}"}
        axes.plot(beside, medians["median"], **style, **line)
        draw_upper_bounds(
            axes, beside, medians["median"].where(medians["median_at_most"]), optimizer
        )
        draw_intervals(axes, beside, medians["low"], medians["high"], optimizer)
        for row in fit[fit["optimizer"] == optimizer].itertuples():
            _draw_fit(axes, row, of.colour, quantity)
    return figure, axes


def draw_intervals(axes: Axes, x, low, high, optimizer: str) -> None:
    """Vertical bars from low to high; where one leaves the axes or has no end it has a tip.

    Set the limits of the axes before.
    """
    colour, (bottom, top) = style_of(optimizer).colour, axes.get_ylim()
    x, low, high = (np.asarray(values, dtype=float) for values in (x, low, high))
    known = np.isfinite(low)
    high = np.where(np.isfinite(high), high, np.inf)
    bars = {"linewidth": 0.8, "alpha": 0.8, "zorder": 2.5, "gid": f"interval {optimizer}"}
    ends = np.clip(low, bottom, top), np.clip(high, bottom, top)
    axes.vlines(x[known], *(values[known] for values in ends), colors=colour, **bars)
    for beyond, edge, marker in ((high > top, top, "^"), (low < bottom, bottom, "v")):
        at = x[known & beyond]
        tip = {"linestyle": "none", "marker": marker, "markersize": 3, "markeredgewidth": 0}
        tip |= {"clip_on": False, "gid": f"open {optimizer}"}
        if len(at):
            axes.plot(at, np.full(len(at), edge), color=colour, **tip)


def draw_upper_bounds(axes: Axes, x, values, optimizer: str) -> None:
    """Hollow marks that point down, over the marks of numbers that are only upper bounds.

    values: NaN where the number is known.
    """
    known = np.isfinite(np.asarray(values, dtype=float))
    if known.any():
        mark = UPPER_BOUND | {"markeredgecolor": style_of(optimizer).colour, "zorder": 4}
        x, values = np.asarray(x)[known], np.asarray(values)[known]
        axes.plot(x, values, gid=f"at most {optimizer}", **mark)


def _draw_fit(axes: Axes, row, colour: str, quantity: str) -> None:
    """The fitted curve, its pole, and the shaded batch sizes below that never arrive."""
    left, right = axes.get_xlim()
    start = row.pole * (1 + 1e-6) if row.pole > left else left
    if start < right:
        span = np.geomspace(start, right, 400)
        dashed = {"linestyle": DASHES, "linewidth": 0.7, "gid": f"fit {row.optimizer}"}
        axes.plot(span, fitted(span, row, quantity), color=colour, **dashed)
    if row.pole > left:
        edge = min(row.pole, right)
        pole = {"linestyle": DASHES, "linewidth": 0.7, "gid": f"pole {row.optimizer}"}
        axes.axvline(row.pole, color=colour, **pole)
        shade = {"alpha": SHADE, "linewidth": 0, "zorder": 0.5}
        axes.axvspan(left, edge, color=colour, gid=f"unreachable {row.optimizer}", **shade)
    axes.set_xlim(left, right)


def _draw_strip(
    strip: Axes, table: pd.DataFrame, rows: list[tuple[str, str]], dodge: Mapping[str, float]
) -> None:
    """One line of open marks per (optimizer, status), each with its count out of all seeds."""
    strip.set_title("not reached: seeds / all seeds", loc="left", fontsize=SMALL + 0.5, pad=2)
    strip.set_ylim(len(rows) - 0.5, -0.5)
    strip.set_yticks(range(len(rows)), [status.replace("-", " ") for _, status in rows])
    strip.tick_params(axis="x", bottom=False, labelbottom=False)
    strip.tick_params(axis="y", length=0, labelsize=SMALL)
    for height, (optimizer, status) in enumerate(rows):
        of = style_of(optimizer)
        groups = table[table["optimizer"] == optimizer].groupby("batch_size")["status"]
        counts = groups.agg(missed=lambda s, status=status: (s == status).sum(), seeds="size")
        counts = counts[counts["missed"] > 0]
        mark = end_mark(status, of.colour, of.marker)
        gid = f"{status} {optimizer}"
        beside = counts.index * dodge[optimizer]
        strip.plot(beside, [height] * len(counts), markersize=3.5, gid=gid, **mark)
        for batch_size, missed, seeds in counts.itertuples():
            strip.annotate(
                f"{missed}/{seeds}",
                (batch_size * dodge[optimizer], height),
                xytext=(3.5, -0.3),
                textcoords="offset points",
                va="center",
                fontsize=SMALL,
                color=of.colour,
            )
        strip.get_yticklabels()[height].set_color(of.colour)


def conventions(axes: Axes, table: pd.DataFrame, fit: pd.DataFrame) -> dict[str, Artist]:
    """Legend entries for what is drawn of seeds, intervals and the fit."""
    dot = {"linestyle": "none", "marker": "o", "markersize": 2.6, "alpha": 0.5}
    handles = {"one seed (line: median)": Line2D([], [], color=GREY, markeredgewidth=0, **dot)}
    if table["low"].notna().any():
        bar = {"linestyle": "none", "marker": "|", "markersize": 7, "markeredgewidth": 0.8}
        handles["median, 95 % interval"] = Line2D([], [], color=GREY, **bar)
    if table["median_at_most"].any():
        handles[AT_MOST] = Line2D([], [], color=GREY, **UPPER_BOUND)
    if fit[["slope", "intercept"]].notna().all(axis=1).any():
        handles["fit of Theorem 3.2"] = Line2D([], [], color=GREY, linestyle=DASHES, linewidth=0.7)
    if (fit["pole"] > axes.get_xlim()[0]).any():
        edge = {"linestyle": DASHES, "linewidth": 0.7, "edgecolor": GREY}
        handles["fit: never reached"] = Patch(facecolor="#e5e5e5", **edge)
    return handles


def legend(figure: Figure, names: Mapping[str, str], others: Mapping[str, Artist]) -> None:
    """A legend below the axes: the optimizers by `names` on the left, the conventions right."""
    left = {
        name: Line2D([], [], color=style_of(optimizer).colour, marker=style_of(optimizer).marker)
        for optimizer, name in names.items()
    }
    blank = Line2D([], [], linestyle="none")
    rows = max(len(left), len(others))
    handles, labels = [], []
    for column in (left, others):
        handles += [*column.values(), *[blank] * (rows - len(column))]
        labels += [*column, *[""] * (rows - len(column))]
    spacing = {"columnspacing": 0.8, "handletextpad": 0.4, "labelspacing": 0.35}
    spacing |= {"handlelength": 1.6, "borderaxespad": 0.2}
    figure.legend(handles, labels, loc="outside lower center", ncols=2, **spacing)
