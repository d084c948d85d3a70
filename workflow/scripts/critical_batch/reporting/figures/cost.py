"""What a batch size costs: gradient evaluations, and seconds on the machine that trained."""

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ...analysis.aggregate import cheapest
from ..style import (
    COLUMN_WIDTH,
    GREY,
    centred_text,
    escaped,
    heading,
    log2_axis,
    ordered,
    plain_log_axis,
    power_of_two,
    style_of,
    styled,
    within_reach,
)
from .label import Label
from .shared import AT_MOST, UPPER_BOUND, dodges, draw_intervals, draw_upper_bounds, legend

UNITS = {"s": 1, "min": 60, "h": 3600, "days": 86400}


def draw(tables: Mapping[str, pd.DataFrame], label: Label) -> tuple[Figure, pd.DataFrame]:
    """The figure, and its `cost_table`."""
    costs = cost_table(tables["bootstrap"], tables["speed"])
    return cost_figure(costs, **asdict(label)), costs


def cost_table(bootstrap: pd.DataFrame, speed: pd.DataFrame) -> pd.DataFrame:
    """SFO and seconds to the threshold of one experiment, a row per optimizer and batch size.

    bootstrap, speed: bootstrap.csv, speed.csv. Returns optimizer, batch_size, sfo, sfo_low,
    sfo_high (images), seconds, seconds_low, seconds_high, at_most (whether sfo and seconds are
    only upper bounds), fewest_images, fastest (whether it is the optimizer's least sfo, seconds,
    which no other may undercut). seconds: N(b) over the seed-steps per second, the share
    of one seed in the time of its group; NaN where either is unknown.
    """
    keys = ["optimizer", "batch_size"]
    table = bootstrap.merge(
        speed[[*keys, "seed_steps_per_second"]], how="left", on=keys, validate="one_to_one"
    ).sort_values(keys, ignore_index=True)
    rate = table["seed_steps_per_second"].where(table["seed_steps_per_second"] > 0)
    names = {"median_sfo": "sfo", "median_steps": "steps", "upper_bound": "at_most"}
    table = table.rename(columns=names)
    for end in ("", "_low", "_high"):
        table[f"seconds{end}"] = table[f"steps{end}"] / rate
    least = {
        "sfo": table["least_steps"] * table["batch_size"],
        "seconds": table["least_steps"] / rate,
    }
    for quantity, name in (("sfo", "fewest_images"), ("seconds", "fastest")):
        table[quantity] = table[quantity].replace(np.inf, np.nan)
        table[name] = _least(table, quantity, least[quantity])
    columns = [f"{q}{end}" for q in ("sfo", "seconds") for end in ("", "_low", "_high")]
    return table[[*keys, *columns, "at_most", "fewest_images", "fastest"]]


def _least(table: pd.DataFrame, quantity: str, least: pd.Series) -> np.ndarray:
    """Whether a row is its optimizer's least, and no other whose quantity is at least `least` may
    lie below it."""
    costs = table.assign(cost=table[quantity].fillna(np.inf), least=least)
    costs = costs.rename(columns={"at_most": "upper_bound"})
    best = cheapest(costs, ["optimizer"])
    best = best[~best["early"]].reset_index()
    return pd.MultiIndex.from_frame(table[["optimizer", "batch_size"]]).isin(
        list(zip(best["optimizer"], best["batch_size"], strict=True))
    )


@styled()
def cost_figure(table: pd.DataFrame, *, title: str, metric: str, threshold: float) -> Figure:
    """SFO above and time below, against batch size; the least of each optimizer is a star.

    table: from `cost_table`. The gids of lines are "sfo Adam", "seconds Adam", those of stars
    "least sfo Adam", "least seconds Adam"; the legend names both optima.
    """
    height = 4.0 + 0.13 * table["optimizer"].nunique()
    figure = Figure(figsize=(COLUMN_WIDTH, height), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    log2_axis(above.xaxis, table["batch_size"], most_ticks=12)
    below.set_xlabel("batch size $b$ (images)")
    unit, scale = _unit(table["seconds"])
    for axis, quantity, of, by in (
        (above.yaxis, "sfo", log2_axis, 1),
        (below.yaxis, "seconds", plain_log_axis, scale),
    ):
        ends = table[[f"{quantity}_low", f"{quantity}_high"]].to_numpy(dtype=float).ravel() / by
        of(axis, within_reach(table[quantity] / by, ends, 4))
    above.set_ylabel("SFO $b\\,N(b)$ (images)")
    below.set_ylabel(f"time of one seed ({unit})")
    names = {}
    dodge = dodges(table)
    for optimizer in ordered(table["optimizer"]):
        mine = table[table["optimizer"] == optimizer]
        for axes, quantity, best, by in (
            (above, "sfo", "fewest_images", 1),
            (below, "seconds", "fastest", scale),
        ):
            mark = {"by": by, "dodge": dodge[optimizer]}
            _draw(axes, mine, optimizer, quantity, mine[best], **mark)
        names[optimizer] = f"{optimizer}: {_optima(mine)}"
    for axes, quantity in ((above, "sfo"), (below, "seconds")):
        if table[quantity].isna().all():
            axes.set_yticks([])
            unknown = table["sfo"].isna().all()
            centred_text(
                axes, "no batch size reached the threshold" if unknown else "no speed recorded"
            )
    star = Line2D([], [], color=GREY, marker="*", markersize=7, linestyle="none")
    keys = {"least": star}
    if table["at_most"].any():
        keys[AT_MOST] = Line2D([], [], color=GREY, **UPPER_BOUND)
    legend(figure, names, keys)
    heading(figure, title, f"median cost until {escaped(metric)} ≤ {threshold:g}")
    return figure


def _draw(axes, mine, optimizer: str, quantity: str, best: pd.Series, *, by: float, dodge: float):
    of = style_of(optimizer)
    x, values = mine["batch_size"] * dodge, mine[quantity] / by
    style = {"color": of.colour, "marker": of.marker, "linewidth": 0.9}
    axes.plot(x, values, gid=f"{quantity} {optimizer}", zorder=3, **style)
    low, high = (mine[f"{quantity}_{end}"] / by for end in ("low", "high"))
    draw_intervals(axes, x, low, high, optimizer)
    draw_upper_bounds(axes, x, values.where(mine["at_most"]), optimizer)
    star = {"marker": "*", "markersize": 9, "markeredgecolor": "white", "markeredgewidth": 0.6}
    star |= {"linestyle": "none", "zorder": 5, "gid": f"least {quantity} {optimizer}"}
    axes.plot(x[best], values[best], color=of.colour, **star)


def _optima(mine: pd.DataFrame) -> str:
    """Both optima of one optimizer in words."""
    fewest, fastest = (mine.loc[mine[name], "batch_size"] for name in ("fewest_images", "fastest"))
    if mine["sfo"].isna().all():
        return "not reached"
    if fewest.empty:
        return "only upper bounds"
    text = f"fewest images at {power_of_two(fewest.item())}"
    return text + (f", fastest at {power_of_two(fastest.item())}" if len(fastest) else "")


def _unit(seconds: pd.Series) -> tuple[str, int]:
    """The unit in which the longest known time is below a few hundred."""
    longest = np.nan_to_num(seconds.max())
    for unit, scale in UNITS.items():
        if longest < 300 * scale:
            return unit, scale
    return unit, scale
