"""The critical batch size at other thresholds than the configured one: a heat map."""

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
import pandas as pd
import seaborn
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from ..style import (
    COLUMN_WIDTH,
    SMALL,
    centred_text,
    escaped,
    heading,
    ordered,
    power_of_two,
    style_of,
    styled,
)
from .label import Label
from .shared import BOUNDS

NOT_REACHED, TOO_EARLY = "not reached", "reached at the first evaluation"
HATCHES = {NOT_REACHED: "////", TOO_EARLY: "...."}


def draw(tables: Mapping[str, pd.DataFrame], label: Label) -> tuple[Figure, pd.DataFrame]:
    """The figure, and the sizes that it shows."""
    sizes = tables["thresholds"].drop(columns=["seeds", "seeds_reached"])
    return thresholds_figure(sizes, **asdict(label)), sizes


@styled()
def thresholds_figure(sizes: pd.DataFrame, *, title: str, metric: str, threshold: float) -> Figure:
    """Critical batch size by optimizer and threshold, hardest threshold on the right.

    sizes: threshold.csv of one experiment. Colours go by powers of two; a size that is only
    a bound is marked as such; hatched: no majority of the seeds reached that threshold; dotted:
    the threshold was reached at the first evaluation, so that no size is known. The configured
    threshold is framed.
    """
    optimizers = ordered(sizes["optimizer"])
    figure = Figure(figsize=(COLUMN_WIDTH, 1.2 + 0.25 * len(optimizers)), layout="constrained")
    axes = figure.subplots()
    heading(figure, title)
    if sizes.empty:
        centred_text(axes, "no thresholds")
        axes.set_axis_off()
        return figure
    table = sizes.pivot(index="optimizer", columns="threshold", values="critical_batch_size")
    edges = sizes.pivot(index="optimizer", columns="threshold", values="at_edge")
    table = table.reindex(index=optimizers, columns=sorted(table.columns, reverse=True))
    exponents = np.log2(table)
    known = exponents.to_numpy()[np.isfinite(exponents.to_numpy())]
    first, last = (int(np.floor(known.min())), int(np.ceil(known.max()))) if len(known) else (0, 0)
    steps = np.arange(first, last + 2)
    shades = colormaps["cividis"](np.linspace(0.15, 0.95, len(steps) - 1))
    texts = table.apply(
        lambda column: [_text(edges, o, column.name, column[o]) for o in table.index]
    )
    seaborn.heatmap(
        exponents,
        ax=axes,
        annot=texts,
        fmt="",
        annot_kws={"fontsize": SMALL},
        cmap=ListedColormap(shades),
        vmin=first,  # unused beside norm, but seaborn looks for them in a table of gaps
        vmax=last,
        norm=BoundaryNorm(steps - 0.5, len(steps) - 1),
        cbar=False,
        linewidths=0.5,
        linecolor="white",
        square=False,
    )
    early = (edges == "early").reindex_like(table).to_numpy()
    unknown = exponents.isna().to_numpy()
    _hatch(axes, unknown & ~early, NOT_REACHED)
    _hatch(axes, unknown & early, TOO_EARLY)
    _frame(axes, table.columns, threshold)
    axes.grid(False)
    axes.set(xlabel=f"threshold of {escaped(metric)} (framed: configured)", ylabel="")
    axes.set_xticks(np.arange(table.shape[1]) + 0.5, [f"{value:.3g}" for value in table.columns])
    axes.tick_params(axis="x", rotation=0 if table.shape[1] < 9 else 90)
    axes.tick_params(axis="y", rotation=0, length=0)
    for tick, optimizer in zip(axes.get_yticklabels(), optimizers, strict=True):
        tick.set_color(style_of(optimizer).colour)
    key = {}
    if edges.isin(list(BOUNDS)).to_numpy().any():
        key["$\\leq$, $\\geq$, ?: a bound"] = Line2D([], [], linestyle="none")
    for name, where in ((NOT_REACHED, unknown & ~early), (TOO_EARLY, unknown & early)):
        if where.any():
            key[name] = Patch(facecolor="white", edgecolor="#999999", hatch=HATCHES[name])
    if key:
        figure.legend(key.values(), key.keys(), loc="outside lower center", ncols=2)
    return figure


def _text(edges: pd.DataFrame, optimizer: str, threshold: float, size: float) -> str:
    if np.isnan(size):
        return ""
    edge = edges.loc[optimizer, threshold]
    return BOUNDS.get(edge, "") + power_of_two(size)


def _hatch(axes: Axes, cells: np.ndarray, name: str) -> None:
    """Cells without a number; cells: bool [optimizers, thresholds]."""
    style = {"facecolor": "white", "edgecolor": "#999999", "hatch": HATCHES[name], "linewidth": 0}
    for row, column in zip(*np.nonzero(cells), strict=True):
        axes.add_patch(Rectangle((column, row), 1, 1, gid=name, **style))


def _frame(axes: Axes, thresholds: pd.Index, threshold: float) -> None:
    """Around the column of the configured threshold, if it is one of them."""
    for place in np.nonzero(np.isclose(thresholds, threshold))[0]:
        height = axes.get_ylim()[0]
        style = {"fill": False, "edgecolor": "black", "linewidth": 1.2, "clip_on": False}
        axes.add_patch(Rectangle((place, 0), 1, height, gid="configured", **style))
