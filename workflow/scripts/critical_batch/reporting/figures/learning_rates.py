"""The critical batch size against the learning rate; Proposition 3.4 says proportional."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..style import (
    COLUMN_WIDTH,
    GREY,
    centred_text,
    heading,
    log2_axis,
    ordered,
    plain_log_axis,
    style_of,
    styled,
)
from .shared import DASHES, draw_intervals

OCTAVES = 0.04  # between optimizers that share a rate


def draw(tables: Mapping[str, pd.DataFrame]) -> tuple[Figure, pd.DataFrame]:
    """The figure, and the sizes that it shows."""
    sizes = tables["learning_rates"]
    return learning_rates_figure(sizes), sizes


def proportional(mine: pd.DataFrame) -> tuple[float, float]:
    """(rate, size) of the middle measured point of one optimizer, through which the line goes.

    mine: learning_rates.csv. The lower of two middle ones. NaN, NaN where none is measured.
    """
    known = mine.dropna(subset="measured").sort_values("rate")
    if known.empty:
        return np.nan, np.nan
    middle = known.iloc[(len(known) - 1) // 2]
    return float(middle["rate"]), float(middle["measured"])


@styled()
def learning_rates_figure(sizes: pd.DataFrame) -> Figure:
    """Measured (filled, with interval) and fitted (hollow) critical sizes against the rate.

    sizes: learning_rates.csv. Dashed: b* proportional to the rate, through the middle
    measured point. A rate without a measured size, because the threshold was not reached or was
    reached at the first evaluation, stands at the upper edge as a cross, with words in the legend.
    """
    figure = Figure(figsize=(COLUMN_WIDTH, 2.9), layout="constrained")
    axes = figure.subplots()
    plain_log_axis(axes.xaxis, sizes["rate"], most_ticks=6)
    rates = sorted(sizes["rate"].unique())
    if len(rates) <= 5:
        axes.set_xticks(rates)
    columns = ["measured", "low", "high", "fitted"]
    log2_axis(axes.yaxis, sizes[columns].to_numpy(dtype=float).ravel())
    axes.set(xlabel=r"learning rate of the generator $\alpha^G$", ylabel="$b^*$ (images)")
    if sizes["measured"].isna().all():
        centred_text(
            axes, "no critical batch size was measured" if len(sizes) else "no experiments"
        )
    optimizers = ordered(sizes["optimizer"])
    for place, optimizer in enumerate(optimizers):
        mine = sizes[sizes["optimizer"] == optimizer].sort_values("rate")
        _draw(axes, mine, optimizer, 2 ** (OCTAVES * (place - (len(optimizers) - 1) / 2)))
    keys = {
        o: Line2D([], [], color=style_of(o).colour, marker=style_of(o).marker) for o in optimizers
    }
    hollow = {"markerfacecolor": "white", "linestyle": "none", "marker": "o"}
    if sizes["fitted"].notna().any():
        keys["fit of Theorem 3.2"] = Line2D([], [], color=GREY, **hollow)
    if sizes["measured"].notna().any():
        keys["theory: proportional"] = Line2D([], [], color=GREY, linestyle=DASHES, linewidth=0.8)
    if sizes["measured"].isna().any():
        keys["no measured size"] = Line2D([], [], color=GREY, linestyle="none", marker="x")
    figure.legend(keys.values(), keys.keys(), loc="outside lower center", ncols=3)
    heading(figure, "Critical batch size against the learning rate")
    return figure


def _draw(axes: Axes, mine: pd.DataFrame, optimizer: str, beside: float) -> None:
    of, x = style_of(optimizer), mine["rate"] * beside
    line = {"color": of.colour, "marker": of.marker, "linewidth": 0.9}
    axes.plot(x, mine["measured"], gid=f"measured {optimizer}", zorder=3, **line)
    draw_intervals(axes, x, mine["low"], mine["high"], optimizer)
    hollow = {"linestyle": "none", "marker": of.marker, "markerfacecolor": "white"}
    hollow |= {"markeredgecolor": of.colour, "markersize": 3.5, "zorder": 2.8}
    axes.plot(x, mine["fitted"], gid=f"fitted {optimizer}", **hollow)
    rate, size = proportional(mine)
    span = np.array(axes.get_xlim())
    dashed = {"linestyle": DASHES, "linewidth": 0.8, "gid": f"theory {optimizer}"}
    axes.plot(span, size * span / rate, color=of.colour, **dashed)
    missed = mine["measured"].isna()
    edge = {"transform": axes.get_xaxis_transform(), "clip_on": False}
    style = {"linestyle": "none", "marker": "x", "gid": f"not reached {optimizer}"}
    if missed.any():
        axes.plot(x[missed], np.ones(missed.sum()), color=of.colour, **style, **edge)
