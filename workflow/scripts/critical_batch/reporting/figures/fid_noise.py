"""The noise of the distance itself: one generator, evaluated with several sample seeds."""

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..style import (
    COLUMN_WIDTH,
    GREY,
    SMALL,
    centred_text,
    escaped,
    heading,
    power_of_two,
    style_of,
    styled,
)
from .label import Label


def draw(tables: Mapping[str, pd.DataFrame], label: Label) -> tuple[Figure, pd.DataFrame]:
    """The figure, and the evaluations that it shows."""
    repetitions = tables["repetitions"]
    return fid_noise_figure(repetitions, **asdict(label)), repetitions


@styled()
def fid_noise_figure(
    repetitions: pd.DataFrame, *, title: str, metric: str, threshold: float
) -> Figure:
    """A strip of the distances around their mean, one standard deviation shaded.

    repetitions: noise/{experiment}.csv. The threshold is a dashed line. Distances that are no
    numbers are counted in words.
    """
    figure = Figure(figsize=(COLUMN_WIDTH, 1.55), layout="constrained")
    axes = figure.subplots()
    known = repetitions.loc[np.isfinite(repetitions["distance"]), "distance"]
    below = "no generator was evaluated"
    if len(repetitions):
        first = repetitions.iloc[0]
        generator = f"{first.optimizer}, $b =$ {power_of_two(first.batch_size)}, seed {first.seed}"
        sets = "1 set" if len(repetitions) == 1 else f"{len(repetitions)} sets"
        below = f"{generator}: {sets} of {first.samples:,} samples"
    heading(figure, title, below)
    if known.empty:
        axes.set_xticks([])
        centred_text(
            axes,
            "no finite distance: the generator diverged" if len(repetitions) else "no evaluations",
        )
    else:
        _draw(
            axes, known, style_of(first.optimizer).colour, threshold, len(repetitions) - len(known)
        )
    axes.set(xlabel=escaped(metric), ylabel="", yticks=[], ylim=(1, -1))
    return figure


def _draw(axes: Axes, known: pd.Series, colour: str, threshold: float, missing: int) -> None:
    mean, sd = known.mean(), known.std()  # sd: NaN for one
    dots = {"size": 4, "alpha": 0.7, "linewidth": 0, "zorder": 3}
    seaborn.stripplot(x=known.to_numpy(), ax=axes, color=colour, jitter=False, **dots)
    axes.axvline(mean, color=colour, linewidth=1.0, gid="mean")
    words = [f"mean {mean:.4g}"]
    if len(known) > 1:
        axes.axvspan(mean - sd, mean + sd, color=colour, alpha=0.15, linewidth=0, gid="sd")
        words += [f"sd {sd:.2g} (shaded)"]
    words += [f"{missing} not finite"] if missing else []
    axes.set_title(", ".join(words), loc="left", color=colour, pad=3)
    axes.axvline(threshold, color=GREY, linestyle="--", linewidth=0.8, gid="threshold")
    right_of_mean = threshold >= mean
    beside = {"xytext": (-3 if right_of_mean else 3, -0.9), "textcoords": ("offset points", "data")}
    beside |= {"ha": "right" if right_of_mean else "left", "va": "top", "fontsize": SMALL}
    axes.annotate(f"threshold {threshold:g}", (threshold, 0), color=GREY, **beside)
    ends = [known.min(), known.max(), threshold]
    margin = 0.06 * (max(ends) - min(ends)) or 0.01 * abs(mean) or 1.0
    axes.set_xlim(min(ends) - margin, max(ends) + margin)
