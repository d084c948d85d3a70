"""SFO complexity b N(b) against batch size, and the critical batch size, its minimum."""

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..style import GREY, heading, ordered, power_of_two, style_of, styled
from .label import Label
from .shared import against_batch_size, conventions, dodges, legend, points, threshold_label


def draw(tables: Mapping[str, pd.DataFrame], label: Label) -> tuple[Figure, pd.DataFrame]:
    """The figure, and of every seed what it shows, with its optimizer's critical batch size."""
    medians = tables["steps"], tables["bootstrap"], tables["fit"]
    critical = critical_with_interval(tables["critical"], tables["intervals"])
    sizes = critical.rename(columns={"low": "critical_low", "high": "critical_high"})
    data = points(*medians, "sfo").merge(sizes, how="left", on="optimizer")
    return sfo_figure(*medians, critical, **asdict(label)), data


@styled()
def sfo_figure(
    steps: pd.DataFrame,
    bootstrap: pd.DataFrame,
    fit: pd.DataFrame,
    critical: pd.DataFrame,
    *,
    title: str,
    metric: str,
    threshold: float,
) -> Figure:
    """SFO complexity b N(b) against batch size, drawn as steps_figure.

    critical: from `critical_with_interval`. A star with a line down to the axis (gids "critical
    Adam", "drop Adam") marks each measured critical batch size, a thick bar at its foot ("spread
    Adam") the 95 % interval, and the legend states both.
    """
    table = points(steps, bootstrap, fit, "sfo")
    figure, axes = against_batch_size(table, fit, "sfo")
    axes.set_ylabel(threshold_label("SFO $b\\,N(b)$ (images)", metric, threshold))
    names = {optimizer: f"{optimizer}: no $b^*$" for optimizer in ordered(steps["optimizer"])}
    for row in critical[critical["at_edge"] == "early"].itertuples():
        names[row.optimizer] = f"{row.optimizer}: $b^*$ unknown"
    measured = critical.dropna(subset="critical_batch_size")
    low, high = axes.get_ylim()
    lane = (high / low) ** 0.03  # the bars stand one above the other at the foot of the axes
    floor = low / lane ** (len(measured) + 0.5)
    axes.set_ylim(floor, high)
    for place, row in enumerate(measured.itertuples()):
        here = table["optimizer"] == row.optimizer
        here &= table["batch_size"] == row.critical_batch_size
        foot = floor * lane ** (place + 1)
        _mark_critical(axes, row, table.loc[here, "median"].max(), foot, dodges(table))
        names[row.optimizer] = _named(row)
    others = conventions(axes, table, fit)
    if len(measured):
        star = {"marker": "*", "markersize": 7, "linestyle": ":", "linewidth": 0.9}
        others["critical size $b^*$"] = Line2D([], [], color=GREY, **star)
    if measured["low"].notna().any():
        others["$b^*$, 95 % interval"] = Line2D([], [], color=GREY, linewidth=2.4, alpha=0.45)
    legend(figure, names, others)
    heading(figure, title)
    return figure


def critical_with_interval(critical: pd.DataFrame, intervals: pd.DataFrame) -> pd.DataFrame:
    """optimizer, critical_batch_size, at_edge, low, high of one experiment.

    critical: columns of aggregate/critical.csv, whose sizes and bounds stand. intervals:
    those of statistics/critical.csv; may lack rows, which leaves low and high empty.
    """
    sizes = critical[["optimizer", "critical_batch_size", "at_edge"]]
    spread = intervals[["optimizer", "low", "high"]]
    return sizes.astype({"critical_batch_size": "float64"}).merge(
        spread, how="left", on="optimizer", validate="one_to_one"
    )


def _mark_critical(axes: Axes, row, height: float, foot: float, dodge: dict[str, float]) -> None:
    """height: SFO at the critical size; NaN where no majority of the seeds reached: no star."""
    colour, at = style_of(row.optimizer).colour, row.critical_batch_size * dodge[row.optimizer]
    top = axes.get_ylim()[1] if np.isnan(height) else height
    drop = {"linestyle": ":", "linewidth": 0.9, "gid": f"drop {row.optimizer}"}
    axes.plot([at, at], [foot, top], color=colour, zorder=1.5, **drop)
    star = {"markersize": 9, "markeredgecolor": "white", "markeredgewidth": 0.6}
    star |= {"marker": "*", "linestyle": "none", "gid": f"critical {row.optimizer}"}
    axes.plot([at], [height], color=colour, zorder=5, **star)
    if np.isfinite(row.low) and np.isfinite(row.high):
        span = np.array([row.low * 2**-0.08, row.high * 2**0.08])  # a point has a width too
        bar = {"linewidth": 2.4, "alpha": 0.45, "solid_capstyle": "butt"}
        axes.plot(span, [foot, foot], color=colour, gid=f"spread {row.optimizer}", **bar)


def _named(row) -> str:
    text = f"{row.optimizer}: $b^* =$ {power_of_two(row.critical_batch_size)}"
    text += " (bound)" if row.at_edge else ""
    if not (np.isfinite(row.low) and np.isfinite(row.high)):
        return text
    return f"{text}, {power_of_two(row.low)} to {power_of_two(row.high)}"
