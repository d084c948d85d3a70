"""The gradient noise scale of both players over training, beside the measured critical size."""

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
    ordered,
    style_of,
    styled,
)

PLAYERS = ("generator", "discriminator")


def draw(tables: Mapping[str, pd.DataFrame]) -> tuple[Figure, pd.DataFrame]:
    """The figure, and the noise scales that it shows."""
    names = ["experiment", "optimizer", "player", "step", "noise_scale", "low", "high"]
    noise = tables["noise_scale"][names]
    return noise_scale_figure(noise, tables["comparison"]), noise


@styled()
def noise_scale_figure(noise: pd.DataFrame, comparison: pd.DataFrame) -> Figure:
    """tr(Sigma) / |G|^2 against the training step, a row per experiment, a column per player.

    noise: noise_scale.csv; comparison: comparison.csv. Band: low to high over seeds,
    without an upper end where a seed had no estimate. A step without an estimate (a squared norm
    that is not positive) is an x at the upper edge. Dashed: the measured critical batch size.
    """
    experiments = list(dict.fromkeys(noise["experiment"]))
    rows = max(len(experiments), 1)
    figure = Figure(figsize=(COLUMN_WIDTH, 0.85 + 1.15 * rows), layout="constrained")
    panels = figure.subplots(rows, 2, sharex="row", sharey=True, squeeze=False)
    scales = noise[["noise_scale", "low", "high"]].to_numpy(dtype=float).ravel()
    measured = comparison[comparison["experiment"].isin(experiments)]["measured"]
    log2_axis(panels[0, 0].yaxis, [*scales, *measured.to_numpy(dtype=float)], most_ticks=6)
    for line, experiment in zip(panels, experiments, strict=False):
        mine = noise[noise["experiment"] == experiment]
        log2_axis(line[0].xaxis, mine["step"], most_ticks=5)
        line[0].set_ylabel(r"tr $\Sigma\,/\,|G|^2$ (images)")
        for axes, player in zip(line, PLAYERS, strict=True):
            axes.set_title(f"{escaped(experiment)}: {player}", fontsize=SMALL + 0.5, pad=6)
            _draw(axes, mine[mine["player"] == player], measured_sizes(comparison, experiment))
    for axes in panels[-1]:
        axes.set_xlabel("training step")
    if not experiments:
        centred_text(panels[0, 0], "no probes")
    shown = ordered(noise["optimizer"])
    keys = {o: Line2D([], [], color=style_of(o).colour, marker=style_of(o).marker) for o in shown}
    if measured.notna().any():
        keys["measured $b^*$"] = Line2D([], [], color=GREY, linestyle=(0, (2, 2)), linewidth=1.2)
    if not np.isfinite(noise["noise_scale"]).all():
        keys["no estimate"] = Line2D([], [], color=GREY, linestyle="none", marker="x")
    figure.legend(keys.values(), keys.keys(), loc="outside lower center", ncols=3)
    heading(figure, "Gradient noise scale of both players")
    return figure


def measured_sizes(comparison: pd.DataFrame, experiment: str) -> dict[str, float]:
    """optimizer -> measured critical batch size of one experiment, NaN where there is none."""
    mine = comparison[comparison["experiment"] == experiment]
    return dict(zip(mine["optimizer"], mine["measured"].astype(float), strict=True))


def _draw(axes: Axes, noise: pd.DataFrame, measured: dict[str, float]) -> None:
    """One panel: one player of one experiment."""
    if noise.empty:
        centred_text(axes, "not probed")
    optimizers = ordered(noise["optimizer"])
    for place, optimizer in enumerate(optimizers):
        mine, of = noise[noise["optimizer"] == optimizer].sort_values("step"), style_of(optimizer)
        known = np.isfinite(mine["noise_scale"]) & (mine["noise_scale"] > 0)
        line = {"color": of.colour, "marker": of.marker, "gid": f"noise {optimizer}"}
        axes.plot(mine["step"], mine["noise_scale"].where(known), markersize=2.8, **line)
        band = known & np.isfinite(mine["low"])
        high = mine["high"].replace(np.inf, np.nan).fillna(axes.get_ylim()[1])
        shade = {"color": of.colour, "alpha": 0.15, "linewidth": 0, "gid": f"seeds {optimizer}"}
        axes.fill_between(mine["step"], mine["low"], high, where=band, **shade)
        none = mine.loc[~known, "step"]
        edge = {"transform": axes.get_xaxis_transform(), "clip_on": False}
        style = {"linestyle": "none", "marker": "x", "gid": f"no estimate {optimizer}"}
        if len(none):
            axes.plot(none, np.full(len(none), 1 - 0.08 * place), color=of.colour, **style, **edge)
        size = measured.get(optimizer, np.nan)
        if np.isfinite(size):
            # Dashes take turns, so that equal sizes show all their colours.
            dashes = (-2.5 * place, (2, 2.5 * len(optimizers) - 2))
            line = {"linestyle": dashes, "linewidth": 1.2, "gid": f"measured {optimizer}"}
            axes.axhline(size, color=of.colour, **line)
