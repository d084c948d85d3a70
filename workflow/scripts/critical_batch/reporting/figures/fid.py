"""The distance over training, against steps or against samples."""

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ...analysis.aggregate import STATUSES
from ..style import (
    GREY,
    PAGE_WIDTH,
    centred_text,
    end_mark,
    escaped,
    heading,
    log2_axis,
    ordered,
    plain_log_axis,
    power_of_two,
    styled,
)
from .label import Label

AXES = {"step": "steps", "samples": "images seen"}
"""Column of the histories -> what its axis is called."""


def draw(histories: pd.DataFrame, label: Label) -> tuple[Figure, pd.DataFrame]:
    """The figure against steps, and the histories that it shows."""
    figure = fid_figure(histories, against="step", **asdict(label))
    return figure, histories.drop(columns="samples")


@styled()
def fid_figure(
    histories: pd.DataFrame, *, against: str, title: str, metric: str, threshold: float
) -> Figure:
    """Metric against steps or samples, logarithmic, a panel per optimizer, a line per batch size.

    histories: optimizer, batch_size, seed, step, samples (images seen), distance, status (how the
    seed ended).
    against: a key of `AXES`. Line: median over the seeds that report a finite value there, thin
    where fewer than half of the seeds still train. Band: their range, where two or more report.
    A mark ends every seed, at the upper edge if it never reported.
    """
    optimizers = ordered(histories["optimizer"])
    columns = min(max(len(optimizers), 1), 4)
    rows = -(-max(len(optimizers), 1) // columns)
    figure = Figure(figsize=(PAGE_WIDTH, 1.0 + 1.8 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    sizes = sorted(histories["batch_size"].unique())
    # The upper end of viridis is too pale for a line on white.
    colours = colormaps["viridis"](np.linspace(0, 0.85, len(sizes)) if len(sizes) > 1 else [0.4])
    palette = {size: to_hex(colour) for size, colour in zip(sizes, colours, strict=False)}
    log2_axis(panels[0, 0].xaxis, histories[against], most_ticks=8 if columns < 4 else 5)
    finite = histories.loc[_is_number(histories["distance"]), "distance"]
    plain_log_axis(panels[0, 0].yaxis, [threshold, finite.min(), finite.max()])
    for panel, optimizer in zip(panels.flat, optimizers, strict=False):
        panel.set_title(optimizer)
        mine = histories[histories["optimizer"] == optimizer]
        for size, group in mine.groupby("batch_size"):
            _draw_median(panel, group, against, palette[size])
        if not _is_number(mine["distance"]).any():
            centred_text(panel, "no finite distance")
        _mark_ends(panel, mine, against, palette)
        panel.axhline(threshold, color=GREY, linestyle="--", linewidth=0.8, gid="threshold")
        panel.set(xlabel=AXES[against], ylabel="")
        panel.tick_params(labelbottom=True)
        panel.xaxis.label.set_visible(True)  # also above an empty place of the last row
    for panel in panels[:, 0]:
        panel.set_ylabel(escaped(metric))
    for panel in panels.flat[len(optimizers) :]:
        panel.set_axis_off()
    if not optimizers:
        centred_text(panels[0, 0], "no evaluations")
    handles = {f"$b =$ {power_of_two(s)}": Line2D([], [], color=c) for s, c in palette.items()}
    handles[f"threshold {threshold:g}"] = Line2D([], [], color=GREY, linestyle="--", linewidth=0.8)
    for status in [status for status in STATUSES if (histories["status"] == status).any()]:
        mark = Line2D([], [], **end_mark(status, GREY))
        handles[f"seed ends: {status.replace('-', ' ')}"] = mark
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=6)
    heading(figure, title)
    return figure


def _draw_median(panel: Axes, histories: pd.DataFrame, against: str, colour: str) -> None:
    """Median and range over the seeds of one batch size."""
    seeds = histories["seed"].nunique()
    reports = histories[_is_number(histories["distance"])].groupby(against)["distance"]
    table = reports.agg(["median", "min", "max", "count"])
    most = 2 * table["count"] >= seeds
    rest = ~most | (~most).shift(-1, fill_value=False)  # from the last point of the majority on
    panel.plot(table.index, table["median"].where(most), color=colour, gid="median")
    if not most.all():
        thin = {"linewidth": 0.5, "gid": "median of few"}
        panel.plot(table.index, table["median"].where(rest), color=colour, **thin)
    several = table[table["count"] > 1]
    if len(several):
        band = {"alpha": 0.2, "linewidth": 0, "gid": "range"}
        panel.fill_between(several.index, several["min"], several["max"], color=colour, **band)


def _is_number(distances: pd.Series) -> pd.Series:
    """Where a distance is finite and has a logarithm."""
    return np.isfinite(distances) & (distances > 0)


def _mark_ends(
    panel: Axes, histories: pd.DataFrame, against: str, palette: Mapping[int, str]
) -> None:
    """A mark at the last finite value of every seed; one artist per batch size and status."""
    ends = histories.sort_values("step").groupby(["batch_size", "seed"]).tail(1)
    known = histories[_is_number(histories["distance"])].sort_values("step")
    last = known.groupby(["batch_size", "seed"])[[against, "distance"]].last()
    ends = ends.drop(columns="distance").join(
        last.rename(columns={against: "last"}), on=["batch_size", "seed"]
    )
    for (size, status), rows in ends.groupby(["batch_size", "status"]):
        style = {"markersize": 2.8, "markeredgewidth": 0.8, "zorder": 4}
        style |= {"gid": f"{status} {size}", **end_mark(status, palette[size])}
        finite = rows.dropna(subset="distance")
        if len(finite):
            panel.plot(finite["last"], finite["distance"], **style)
        never = rows[rows["distance"].isna()]
        if len(never):
            edge = {"transform": panel.get_xaxis_transform(), "clip_on": False}
            panel.plot(never[against], np.ones(len(never)), **edge, **style)
