"""The look of every figure: sizes, colours, markers, axes of powers of two, writing.

Colours are those of Okabe and Ito, "Color Universal Design" (2008), told apart by colour-blind
readers; yellow is left out because it is too pale on white. Every optimizer also has a marker of
its own, so a figure reads in grey.
"""

import io
from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, floor, log2, log10
from pathlib import Path
from textwrap import fill

import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from ..optimizers import OPTIMIZERS
from ..runtime.errors import UserError
from ..runtime.files import atomic_path, write_text

COLUMN_WIDTH = 3.4  # inches: one column of a two-column page
PAGE_WIDTH = 7.0  # inches: both columns
SMALL = 6  # points: counts beside markers, the least that prints legibly
GREY = "#555555"

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_MARKERS = ("o", "s", "^", "D", "v", "P")  # "*" and "x" mark the critical batch size, divergence
_SETTINGS = {
    "font.size": 7,
    "figure.titlesize": 8,
    "axes.titlesize": 7,
    "axes.labelsize": 7,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 6.5,
    "legend.frameon": False,
    "legend.handlelength": 1.8,
    "axes.linewidth": 0.6,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#e2e2e2",
    "grid.linewidth": 0.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "lines.linewidth": 1.1,
    "lines.markersize": 3.5,
    "savefig.dpi": 200,
    "pdf.fonttype": 42,  # embedded TrueType: text stays text
}


@dataclass(frozen=True)
class OptimizerStyle:
    """How one optimizer is drawn, in every figure alike."""

    colour: str
    marker: str


def style_of(optimizer: str) -> OptimizerStyle:
    """The look of an optimizer, by its place in the registry; distinct for the first 42.

    Raises UserError for a name that is not registered.
    """
    place = _place(optimizer)
    return OptimizerStyle(_COLOURS[place % len(_COLOURS)], _MARKERS[place % len(_MARKERS)])


def ordered(optimizers: Iterable[str]) -> list[str]:
    """The distinct names in the registry's order. Raises UserError as `style_of` does."""
    return sorted(set(optimizers), key=_place)


def _place(optimizer: str) -> int:
    if optimizer not in OPTIMIZERS:
        raise UserError(
            f"optimizer {optimizer!r} has no style: add its module to critical_batch/optimizers/"
        )
    return list(OPTIMIZERS).index(optimizer)


def styled():
    """The project's settings as a context or decorator, whatever the user's matplotlibrc says."""
    return matplotlib.style.context(["default", _SETTINGS])


def escaped(text: str) -> str:
    """Text with its dollar signs escaped, so that none of it is read as mathematics."""
    return text.replace("$", r"\$")


def power_of_two(value: float) -> str:
    """`$2^{k}$` where the value is a power of two, else the plain number."""
    exponent = log2(value)
    return f"$2^{{{exponent:.0f}}}$" if exponent.is_integer() else f"{value:g}"


def within_reach(marks: Iterable[float], ends: Iterable[float], factor: float) -> list[float]:
    """What a logarithmic axis has to hold: the marks, and the ends of intervals around them.

    Finite positive values only; ends that lie further beyond all marks than `factor` are moved
    there, so that one wide interval does not squeeze everything else.
    """
    marks, ends = (np.asarray(list(values), dtype=float) for values in (marks, ends))
    marks, ends = (v[np.isfinite(v) & (v > 0)] for v in (marks, ends))
    return (
        [*marks, *np.clip(ends, marks.min() / factor, marks.max() * factor)] if marks.size else []
    )


def log2_axis(axis: Axis, values: Iterable[float], most_ticks: int = 8) -> None:
    """Makes `axis` logarithmic to base two, with whole powers of two as ticks.

    It spans the finite positive `values`, half an octave or more beside them, and at least two
    ticks; [1, 2] where there are none.
    """
    values = np.asarray(list(values), dtype=float)
    exponents = np.log2(values[np.isfinite(values) & (values > 0)])
    low, high = (exponents.min(), exponents.max()) if exponents.size else (0.5, 0.5)
    margin = max(0.5, 0.08 * (high - low))  # room for a count right of the last mark
    low, high = low - margin, high + margin
    if floor(high) - ceil(low) < 1:
        low, high = low - 0.5, high + 0.5
    stride = ceil((floor(high) - ceil(low) + 1) / most_ticks)
    ticks = [2.0**k for k in range(ceil(low), floor(high) + 1) if k % stride == 0]
    name = axis.axis_name
    getattr(axis.axes, f"set_{name}scale")("log", base=2)
    getattr(axis.axes, f"set_{name}lim")(2.0**low, 2.0**high)
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_major_formatter(FuncFormatter(lambda value, _: power_of_two(value)))
    axis.set_minor_locator(NullLocator())


def end_mark(status: str, colour: str, marker: str = "o") -> dict[str, str]:
    """Line properties of the mark of a seed's end: filled reached, open step-limit, x diverged."""
    if status == "diverged":
        return {"linestyle": "none", "marker": "x", "markeredgecolor": colour}
    face = colour if status == "reached" else "white"
    mark = {"linestyle": "none", "marker": marker}
    return {**mark, "markerfacecolor": face, "markeredgecolor": colour}


def plain_log_axis(axis: Axis, values: Iterable[float], most_ticks: int = 8) -> None:
    """Makes `axis` logarithmic with 1, 2, 5 times powers of ten as plain numbers.

    It spans the finite positive `values` and a quarter more, [1, 10] where there are none. Where
    that is too narrow for two such ticks they are evenly spaced, where it holds more than
    `most_ticks` they are powers of ten.
    """
    values = [value for value in values if np.isfinite(value) and value > 0] or [1.25, 8]
    low, high = min(values) / 1.25, max(values) * 1.25
    decades = range(floor(log10(low)), ceil(log10(high)) + 1)
    ticks = [m * 10.0**k for k in decades for m in (1, 2, 5) if low <= m * 10.0**k <= high]
    if len(ticks) > most_ticks:
        ticks = [10.0**k for k in decades if low <= 10.0**k <= high]
    elif len(ticks) < 2:
        ticks = MaxNLocator(4).tick_values(low, high)
    name = axis.axis_name
    getattr(axis.axes, f"set_{name}scale")("log")
    getattr(axis.axes, f"set_{name}lim")(low, high)
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())


def heading(figure: Figure, title: str, below: str = "") -> None:
    """The figure's title, wrapped to the figure's width, and a line below it.

    title: the user's text. below: may hold mathematics; the user's words in it are `escaped`.
    """
    wrapped = escaped(fill(title, int(15 * figure.get_figwidth()), break_on_hyphens=False))
    figure.suptitle("\n".join([wrapped, below] if below else [wrapped]))


def centred_text(axes: Axes, text: str) -> None:
    """Writes `text` in the middle of axes that have nothing to show."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=GREY)


def write(figure: Figure, data: pd.DataFrame, folder: str | Path, name: str) -> None:
    """Writes {folder}/{name}.pdf, .png (200 dpi) and .csv, the data behind the figure.

    Each write is atomic. The bytes depend on the figure and the versions of the libraries alone:
    no dates.
    """
    stem = Path(folder) / name
    write_text(stem.with_suffix(".csv"), data.to_csv(index=False))
    for suffix, metadata in ((".png", None), (".pdf", {"CreationDate": None})):
        content = io.BytesIO()  # on a full disk the writer of PDF hides what went wrong
        with styled():
            figure.savefig(content, format=suffix[1:], metadata=metadata)
        with atomic_path(stem.with_suffix(suffix)) as temporary:
            temporary.write_bytes(content.getvalue())
        figure.set_layout_engine("none")  # laid out once: it takes longer than the drawing
