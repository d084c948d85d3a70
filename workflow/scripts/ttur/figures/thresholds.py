"""The critical batch size at other thresholds than the configured one: a heat map."""

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
    heading,
    look,
    note,
    ordered,
    plain,
    power_of_two,
    styled,
)
from .shared import BOUNDS


@styled()
def thresholds_figure(sizes: pd.DataFrame, *, title: str, metric: str, threshold: float) -> Figure:
    """Critical batch size by optimizer and threshold, hardest threshold on the right.

    sizes: `columns.THRESHOLD` of one experiment. Colours go by powers of two; a size that is only
    a bound is marked as such; hatched: no majority of the seeds reached that threshold. The
    configured threshold is framed.
    """
    optimizers = ordered(sizes["optimizer"])
    figure = Figure(figsize=(COLUMN_WIDTH, 1.2 + 0.25 * len(optimizers)), layout="constrained")
    axes = figure.subplots()
    heading(figure, title)
    if sizes.empty:
        note(axes, "no thresholds")
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
    _hatch(axes, exponents)
    _frame(axes, table.columns, threshold)
    axes.grid(False)
    axes.set(xlabel=f"threshold of {plain(metric)} (framed: configured)", ylabel="")
    axes.set_xticks(np.arange(table.shape[1]) + 0.5, [f"{value:.3g}" for value in table.columns])
    axes.tick_params(axis="x", rotation=0 if table.shape[1] < 9 else 90)
    axes.tick_params(axis="y", rotation=0, length=0)
    for tick, optimizer in zip(axes.get_yticklabels(), optimizers, strict=True):
        tick.set_color(look(optimizer).colour)
    key = {}
    if edges.isin(list(BOUNDS)).to_numpy().any():
        key["$\\leq$, $\\geq$, ?: a bound"] = Line2D([], [], linestyle="none")
    if len(known) < table.size:
        key["not reached"] = Patch(facecolor="white", edgecolor="#999999", hatch="////")
    if key:
        figure.legend(key.values(), key.keys(), loc="outside lower center", ncols=2)
    return figure


def _text(edges: pd.DataFrame, optimizer: str, threshold: float, size: float) -> str:
    if np.isnan(size):
        return ""
    edge = edges.loc[optimizer, threshold]
    return BOUNDS.get(edge, "") + power_of_two(size)


def _hatch(axes: Axes, exponents: pd.DataFrame) -> None:
    """Cells without a number."""
    style = {"facecolor": "white", "edgecolor": "#999999", "hatch": "////", "linewidth": 0}
    for row, column in zip(*np.nonzero(exponents.isna().to_numpy()), strict=True):
        axes.add_patch(Rectangle((column, row), 1, 1, gid="not reached", **style))


def _frame(axes: Axes, thresholds: pd.Index, threshold: float) -> None:
    """Around the column of the configured threshold, if it is one of them."""
    for place in np.nonzero(np.isclose(thresholds, threshold))[0]:
        height = axes.get_ylim()[0]
        style = {"fill": False, "edgecolor": "black", "linewidth": 1.2, "clip_on": False}
        axes.add_patch(Rectangle((place, 0), 1, height, gid="configured", **style))
