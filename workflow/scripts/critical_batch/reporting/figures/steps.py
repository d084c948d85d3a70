"""Steps N(b) until the threshold, against batch size."""

from collections.abc import Mapping
from dataclasses import asdict

import pandas as pd
from matplotlib.figure import Figure

from ..style import heading, ordered, styled
from .label import Label
from .shared import against_batch_size, conventions, legend, points, threshold_label


def draw(tables: Mapping[str, pd.DataFrame], label: Label) -> tuple[Figure, pd.DataFrame]:
    """The figure, and of every seed what it shows (see `points`)."""
    medians = tables["steps"], tables["bootstrap"], tables["fit"]
    return steps_figure(*medians, **asdict(label)), points(*medians, "steps")


@styled()
def steps_figure(
    steps: pd.DataFrame,
    bootstrap: pd.DataFrame,
    fit: pd.DataFrame,
    *,
    title: str,
    metric: str,
    threshold: float,
) -> Figure:
    """Steps N(b) to the threshold against batch size, both logarithmic; one experiment's rows.

    Dots: seeds. Line: median, bars: its 95 % interval (see `points`). Dashed: the fit, and its
    pole, below which it says the threshold is never reached (shaded). Strip above: seeds that
    did not reach, out of all seeds, by optimizer and by how they ended.
    """
    table = points(steps, bootstrap, fit, "steps")
    figure, axes = against_batch_size(table, fit, "steps")
    axes.set_ylabel(threshold_label("steps $N(b)$", metric, threshold))
    names = {optimizer: _named(optimizer, fit) for optimizer in ordered(steps["optimizer"])}
    legend(figure, names, conventions(axes, table, fit))
    heading(figure, title)
    return figure


def _named(optimizer: str, fit: pd.DataFrame) -> str:
    """The optimizer and its pole, or that there is no fit or no pole (N(b) that does not fall)."""
    rows = fit[(fit["optimizer"] == optimizer) & fit["slope"].notna()]
    if rows.empty:
        return f"{optimizer}: no fit"
    pole = rows["pole"].iloc[0]
    return f"{optimizer}: pole $b =$ {pole:.2g}" if pole > 0 else f"{optimizer}: no pole"
