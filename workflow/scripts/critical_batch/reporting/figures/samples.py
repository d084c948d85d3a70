"""Images of the final generators: the smallest, the critical and the largest batch size."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

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
from .sheets import FinalImages, sheet, show, without_axes


def draw(images: FinalImages, label: Label) -> tuple[Figure, pd.DataFrame]:
    """The figure, and which generators it shows and how their seeds ended."""
    shown = runs_to_show(images.finals, images.critical)
    samples = {(r.optimizer, r.batch_size): images.tiles(r.sheet) for r in shown.itertuples()}
    figure = samples_figure(images.real, samples, shown, title=label.title, metric=label.metric)
    return figure, shown.drop(columns="sheet")


def runs_to_show(finals: pd.DataFrame, critical: Mapping[str, float]) -> pd.DataFrame:
    """The rows of `finals` that are drawn and their roles (`sizes_to_show`), by optimizer.

    finals, critical: as in `FinalImages`.
    """
    rows = []
    for optimizer in ordered(finals["optimizer"]):
        mine = finals[finals["optimizer"] == optimizer]
        roles = sizes_to_show(mine["batch_size"], critical.get(optimizer, np.nan))
        rows.append(mine[mine["batch_size"].isin(list(roles))].assign(role=list(roles.values())))
    return pd.concat(rows)


def sizes_to_show(tried: Iterable[int], critical: float) -> dict[int, str]:
    """Batch size -> "smallest", "critical", "largest", or two of them; ascending.

    critical: NaN where the threshold was not reached: then it is not among them.
    """
    tried = sorted(tried)
    roles: dict[int, list[str]] = {}
    for size, role in ((tried[0], "smallest"), (critical, "critical"), (tried[-1], "largest")):
        if size in tried:
            roles.setdefault(int(size), []).append(role)
    return {size: ", ".join(roles[size]) for size in sorted(roles)}


def ending(final_value: float, status: str) -> str:
    """How a seed ended, such as "7.98", "21 step limit" or "diverged"."""
    words = [f"{final_value:.3g}"] if pd.notna(final_value) else []
    words += [status.replace("-", " ")] if status != "reached" else []
    return " ".join(words)


@styled()
def samples_figure(
    real: np.ndarray,
    samples: Mapping[tuple[str, int], np.ndarray],
    shown: pd.DataFrame,
    *,
    title: str,
    metric: str,
    per_row: int = 8,
) -> Figure:
    """Real images, then a row of samples of one seed per row of `shown`.

    real: uint8 [n, H, W, C], C 1 or 3. samples: (optimizer, batch size) -> the same. shown:
    optimizer, batch_size, role (`sizes_to_show`), status, final_value (NaN where it never was a
    number), in the order of the rows.
    """
    tile = (COLUMN_WIDTH - 0.85) / per_row  # inches
    height = 0.5 + (1 + max(len(shown), 1)) * (tile + 0.05)
    figure = Figure(figsize=(COLUMN_WIDTH, height), layout="constrained")
    figure.get_layout_engine().set(h_pad=0.02, hspace=0)
    first, *rows = figure.subplots(1 + max(len(shown), 1), 1)
    for axes in (first, *rows):
        without_axes(axes)
    label = {"rotation": 0, "ha": "right", "va": "center", "fontsize": SMALL, "linespacing": 1.1}
    show(first, sheet(real[:per_row], per_row))
    first.set_ylabel("real", **label)
    for axes, row in zip(rows, shown.itertuples(), strict=False):
        show(axes, sheet(samples[row.optimizer, row.batch_size][:per_row], per_row))
        lines = [f"{row.optimizer} $b =$ {power_of_two(row.batch_size)}", row.role]
        lines += [ending(row.final_value, row.status)]
        axes.set_ylabel("\n".join(lines), color=style_of(row.optimizer).colour, **label)
    if shown.empty:
        centred_text(rows[0], "no samples")
    heading(figure, title, f"final {escaped(metric)} of the seed that is shown")
    return figure
