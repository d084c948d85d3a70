"""The final generators of all optimizers side by side, each at its critical batch size."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ..style import (
    COLUMN_WIDTH,
    PAGE_WIDTH,
    centred_text,
    escaped,
    heading,
    ordered,
    power_of_two,
    style_of,
    styled,
)
from .label import Label
from .samples import ending
from .sheets import FinalImages, sheet, show, without_axes


def draw(images: FinalImages, label: Label) -> tuple[Figure, pd.DataFrame]:
    """The figure, and which generators it shows and how their seeds ended."""
    shown = runs_to_show(images.finals, images.critical)
    samples = {row.optimizer: images.tiles(row.sheet) for row in shown.itertuples()}
    figure = generators_figure(images.real, samples, shown, title=label.title, metric=label.metric)
    return figure, shown.drop(columns="sheet")


def runs_to_show(finals: pd.DataFrame, critical: Mapping[str, float]) -> pd.DataFrame:
    """The row of `finals` that is drawn of each optimizer, and its role (`best_size`).

    finals, critical: as in `FinalImages`.
    """
    rows = []
    for optimizer in ordered(finals["optimizer"]):
        mine = finals[finals["optimizer"] == optimizer]
        size, role = best_size(mine, critical.get(optimizer, np.nan))
        rows.append(mine[mine["batch_size"] == size].assign(role=role))
    return pd.concat(rows)


def best_size(runs: pd.DataFrame, critical: float) -> tuple[int, str]:
    """The batch size at which to show an optimizer, and whether it is the critical one.

    runs: batch_size, final_value of one optimizer, a row or more per batch size. critical: NaN
    where no majority of the seeds reached the threshold; then it is the one with the lowest final
    distance, or the largest where none is a number, and the words are "no $b^*$".
    """
    if (runs["batch_size"] == critical).any():
        return int(critical), "critical"
    known = runs.dropna(subset="final_value")
    if known.empty:
        return int(runs["batch_size"].max()), "no $b^*$"
    lowest = known.loc[known["final_value"].idxmin(), "batch_size"]
    return int(lowest), "no $b^*$"


@styled()
def generators_figure(
    real: np.ndarray,
    samples: Mapping[str, np.ndarray],
    shown: pd.DataFrame,
    *,
    title: str,
    metric: str,
    columns: int = 4,
    rows: int = 6,
) -> Figure:
    """A panel of real images and one of samples per row of `shown`.

    real: uint8 [n, H, W, C], C 1 or 3. samples: optimizer -> the same, of one seed. shown:
    optimizer, batch_size, role (`best_size`), status, final_value (NaN where it never was a
    number), in the order of the panels.
    """
    across = min(1 + len(shown), 5)
    down = -(-(1 + len(shown)) // across)
    width = max(COLUMN_WIDTH, min(1.6 * across, PAGE_WIDTH))
    panel_height = (width / across - 0.1) * rows / columns + 0.5  # with its title
    figure = Figure(figsize=(width, 0.4 + down * panel_height), layout="constrained")
    panels = figure.subplots(down, across, squeeze=False).ravel()
    for axes in panels:
        without_axes(axes)
    show(panels[0], sheet(real[: columns * rows], columns))
    panels[0].set_title("real")
    for axes, row in zip(panels[1:], shown.itertuples(), strict=False):
        show(axes, sheet(samples[row.optimizer][: columns * rows], columns))
        size = f"$b =$ {power_of_two(row.batch_size)}"
        lines = [row.optimizer, f"{size}, {row.role}", ending(row.final_value, row.status)]
        axes.set_title("\n".join(lines), color=style_of(row.optimizer).colour)
    if shown.empty:
        centred_text(panels[0], "no samples")
    heading(figure, title, f"final {escaped(metric)} of the seed that is shown")
    return figure
