"""Images of the final generators: the smallest, the critical and the largest batch size."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ..style import COLUMN_WIDTH, SMALL, heading, look, note, plain, power_of_two, styled
from .sheets import bare, sheet, show


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


def ending(final_fid: float, status: str) -> str:
    """How a seed ended, such as "7.98", "21 step limit" or "diverged"."""
    words = [f"{final_fid:.3g}"] if pd.notna(final_fid) else []
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
    optimizer, batch_size, role (`sizes_to_show`), status, final_fid (NaN where it never was a
    number), in the order of the rows.
    """
    tile = (COLUMN_WIDTH - 0.85) / per_row  # inches
    height = 0.5 + (1 + max(len(shown), 1)) * (tile + 0.05)
    figure = Figure(figsize=(COLUMN_WIDTH, height), layout="constrained")
    figure.get_layout_engine().set(h_pad=0.02, hspace=0)
    first, *rows = figure.subplots(1 + max(len(shown), 1), 1)
    for axes in (first, *rows):
        bare(axes)
    label = {"rotation": 0, "ha": "right", "va": "center", "fontsize": SMALL, "linespacing": 1.1}
    show(first, sheet(real[:per_row], per_row))
    first.set_ylabel("real", **label)
    for axes, row in zip(rows, shown.itertuples(), strict=False):
        show(axes, sheet(samples[row.optimizer, row.batch_size][:per_row], per_row))
        lines = [f"{row.optimizer} $b =$ {power_of_two(row.batch_size)}", row.role]
        lines += [ending(row.final_fid, row.status)]
        axes.set_ylabel("\n".join(lines), color=look(row.optimizer).colour, **label)
    if shown.empty:
        note(rows[0], "no samples")
    heading(figure, title, f"final {plain(metric)} of the seed that is shown")
    return figure
