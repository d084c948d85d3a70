"""The figures of the numerical section: pure functions from tables and arrays to a Figure.

Nothing that was not reached is given a number or left out: it stands in a strip of its own above
the axes (steps, SFO) or carries a mark that says how the seed ended (FID).
"""

from collections.abc import Mapping
from textwrap import fill

import numpy as np
import pandas as pd
import seaborn
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from .aggregate import STATUSES, median_sfo
from .style import (
    COLUMN_WIDTH,
    GREY,
    PAGE_WIDTH,
    SMALL,
    end_mark,
    heading,
    log2_axis,
    look,
    note,
    ordered,
    plain,
    plain_log_axis,
    power_of_two,
    styled,
)


def fitted_steps(batch_size: np.ndarray, slope: float, intercept: float) -> np.ndarray:
    """N(b) = b / (intercept b - slope), NaN where the fit says the threshold is out of reach.

    Theorem 3.2 as fit.csv has it: 1/N(b) = intercept - slope / b, so b > slope / intercept.
    """
    batch_size = np.asarray(batch_size, dtype=float)
    below = intercept * batch_size - slope
    return np.divide(batch_size, below, out=np.full_like(batch_size, np.nan), where=below > 0)


def points(steps: pd.DataFrame, fit: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """What steps_figure and sfo_figure draw: one row per seed of one experiment.

    quantity: "steps" or "sfo", a column of `steps` (columns of steps.csv; `fit`: of fit.csv).
    Returns optimizer, batch_size, seed, status, {quantity}, median, fit. `median` is that of
    `aggregate.median_sfo`, NaN where no more than half of the seeds reached the threshold.
    """
    keys = ["optimizer", "batch_size"]
    medians = median_sfo(steps).rename(columns={f"median_{quantity}": "median"})
    table = steps[[*keys, "seed", "status", quantity]].astype({quantity: "float64"})
    table = table.merge(medians[[*keys, "median"]], on=keys).sort_values([*keys, "seed"])
    table["median"] = table["median"].replace(np.inf, np.nan)
    table["fit"] = np.nan
    for row in fit.itertuples():
        mine = table["optimizer"] == row.optimizer
        table.loc[mine, "fit"] = _fitted(table.loc[mine, "batch_size"], row, quantity)
    return table.reset_index(drop=True)


def _fitted(batch_size, row, quantity: str) -> np.ndarray:
    steps = fitted_steps(batch_size, row.slope, row.intercept)
    return steps * np.asarray(batch_size, dtype=float) if quantity == "sfo" else steps


@styled()
def steps_figure(
    steps: pd.DataFrame, fit: pd.DataFrame, *, title: str, metric: str, threshold: float
) -> Figure:
    """Steps N(b) to the threshold against batch size, both logarithmic; one experiment's rows.

    Dots: seeds. Line: median (see `points`). Dashed: the fit. Strip above: seeds that did not
    reach, out of all seeds, by optimizer and by how they ended. The lines of an optimizer carry
    the gids "median Adam", "seeds Adam", "fit Adam", and those of the strip "step-limit Adam".
    """
    figure, axes = _against_batch_size(points(steps, fit, "steps"), fit, "steps")
    axes.set_ylabel(fill(f"steps $N(b)$ until {plain(metric)} ≤ {threshold:g}", 42))
    _finish(figure, title, {o: o for o in ordered(steps["optimizer"])}, fit)
    return figure


@styled()
def sfo_figure(
    steps: pd.DataFrame,
    critical: pd.DataFrame,
    fit: pd.DataFrame,
    *,
    title: str,
    metric: str,
    threshold: float,
) -> Figure:
    """SFO complexity b N(b) against batch size, drawn as steps_figure.

    critical: columns of critical.csv. A star with a line down to the axis (gids "critical Adam",
    "drop Adam") marks each measured critical batch size, and the legend states it.
    """
    table = points(steps, fit, "sfo")
    figure, axes = _against_batch_size(table, fit, "sfo")
    axes.set_ylabel(fill(f"SFO $b\\,N(b)$ until {plain(metric)} ≤ {threshold:g}", 42))
    names = {optimizer: f"{optimizer}: no $b^*$" for optimizer in ordered(steps["optimizer"])}
    for row in critical.dropna(subset="critical_batch_size").itertuples():
        colour, at = look(row.optimizer).colour, row.critical_batch_size
        here = (table["optimizer"] == row.optimizer) & (table["batch_size"] == at)
        # Where no majority of the seeds reached there is no height for a star: a line alone.
        height = table.loc[here, "median"].max()
        low, high = axes.get_ylim()
        top = high if np.isnan(height) else height
        drop = {"linestyle": ":", "linewidth": 0.9, "gid": f"drop {row.optimizer}"}
        axes.plot([at, at], [low, top], color=colour, zorder=1.5, **drop)
        star = {"markersize": 9, "markeredgecolor": "white", "markeredgewidth": 0.6}
        star |= {"marker": "*", "linestyle": "none", "gid": f"critical {row.optimizer}"}
        axes.plot([at], [height], color=colour, zorder=5, **star)
        bound = " (bound)" if row.at_edge else ""
        names[row.optimizer] = f"{row.optimizer}: $b^* =$ {power_of_two(at)}{bound}"
    star = Line2D([], [], marker="*", markersize=7, color=GREY, linestyle=":", linewidth=0.9)
    measured = critical["critical_batch_size"].notna().any()
    extra = {"critical batch size $b^*$": star} if measured else {}
    _finish(figure, title, names, fit, extra)
    return figure


def _against_batch_size(
    table: pd.DataFrame, fit: pd.DataFrame, quantity: str
) -> tuple[Figure, Axes]:
    """The part that steps and SFO share: axes, seeds, medians, fits, the strip of the others."""
    missed = table[table["status"] != "reached"]
    rows = [
        (optimizer, status)
        for optimizer in ordered(missed["optimizer"])
        for status in STATUSES
        if ((missed["optimizer"] == optimizer) & (missed["status"] == status)).any()
    ]
    strip_height = 0.14 * len(rows)  # inches
    height = max(3.2, 2.7 + 0.13 * table["optimizer"].nunique())  # the legend grows with them
    figure = Figure(figsize=(COLUMN_WIDTH, height + strip_height), layout="constrained")
    if rows:
        strip, axes = figure.subplots(2, 1, sharex=True, height_ratios=[strip_height, 1.9])
        _draw_strip(strip, table, rows)
    else:
        axes = figure.subplots()
    axes.set_xlabel("batch size $b$")
    log2_axis(axes.xaxis, table["batch_size"], most_ticks=12)
    log2_axis(axes.yaxis, table[quantity])
    if table[quantity].isna().all():
        axes.set_yticks([])
        note(axes, "no seed reached the threshold")
    for optimizer in ordered(table["optimizer"]):
        mine, of = table[table["optimizer"] == optimizer], look(optimizer)
        style = {"color": of.colour, "marker": of.marker}
        seeds = {"linestyle": "none", "markersize": 2.6, "markeredgewidth": 0, "alpha": 0.4}
        axes.plot(mine["batch_size"], mine[quantity], gid=f"seeds {optimizer}", **style, **seeds)
        medians = mine.groupby("batch_size")["median"].first()
        axes.plot(medians.index, medians, gid=f"median {optimizer}", zorder=3, **style)
        span = np.geomspace(mine["batch_size"].min(), mine["batch_size"].max(), 400)
        for row in fit[fit["optimizer"] == optimizer].itertuples():
            curve = _fitted(span, row, quantity)
            dashed = {"linestyle": (0, (4, 2)), "linewidth": 0.7, "gid": f"fit {optimizer}"}
            axes.plot(span, curve, color=of.colour, **dashed)
    return figure, axes


def _draw_strip(strip: Axes, table: pd.DataFrame, rows: list[tuple[str, str]]) -> None:
    """One line of open marks per (optimizer, status), each with its count out of all seeds."""
    strip.set_title("not reached: seeds / all seeds", loc="left", fontsize=SMALL + 0.5, pad=2)
    strip.set_ylim(len(rows) - 0.5, -0.5)
    strip.set_yticks(range(len(rows)), [status.replace("-", " ") for _, status in rows])
    strip.tick_params(axis="x", bottom=False, labelbottom=False)
    strip.tick_params(axis="y", length=0, labelsize=SMALL)
    for height, (optimizer, status) in enumerate(rows):
        of = look(optimizer)
        groups = table[table["optimizer"] == optimizer].groupby("batch_size")["status"]
        counts = groups.agg(missed=lambda s, status=status: (s == status).sum(), seeds="size")
        counts = counts[counts["missed"] > 0]
        mark = end_mark(status, of.colour, of.marker)
        gid = f"{status} {optimizer}"
        strip.plot(counts.index, [height] * len(counts), markersize=3.5, gid=gid, **mark)
        for batch_size, missed, seeds in counts.itertuples():
            strip.annotate(
                f"{missed}/{seeds}",
                (batch_size, height),
                xytext=(3.5, -0.3),
                textcoords="offset points",
                va="center",
                fontsize=SMALL,
                color=of.colour,
            )
        strip.get_yticklabels()[height].set_color(of.colour)


def _finish(figure, title, names: Mapping[str, str], fit, extra=None) -> None:
    """Title, and a legend below the axes: the optimizers by `names`, then the conventions."""
    handles = {
        name: Line2D([], [], color=look(optimizer).colour, marker=look(optimizer).marker)
        for optimizer, name in names.items()
    }
    seed = {"linestyle": "none", "marker": "o", "markersize": 2.6, "alpha": 0.5}
    handles["one seed (line: median)"] = Line2D([], [], color=GREY, markeredgewidth=0, **seed)
    if fit[["slope", "intercept"]].notna().all(axis=1).any():
        dashed = Line2D([], [], color=GREY, linestyle=(0, (4, 2)), linewidth=0.7)
        handles["fit: $1/N$ linear in $1/b$"] = dashed
    handles |= extra or {}
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=2)
    heading(figure, title)


@styled()
def fid_figure(histories: pd.DataFrame, *, title: str, metric: str, threshold: float) -> Figure:
    """Metric against steps, both logarithmic, one panel per optimizer, one line per batch size.

    histories: columns of history.csv, and optimizer, batch_size, status (how the seed ended).
    Line: median over the seeds that report a finite value at that step (seeds stop at different
    steps, so late medians are those of the seeds still training). Band: their range, where two
    or more report. A mark ends every seed, at the upper edge if it never reported.
    """
    optimizers = ordered(histories["optimizer"])
    columns = min(max(len(optimizers), 1), 4)
    rows = -(-max(len(optimizers), 1) // columns)
    figure = Figure(figsize=(PAGE_WIDTH, 1.0 + 1.8 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    sizes = sorted(histories["batch_size"].unique())
    # The upper end of viridis is too pale for a line on white.
    colours = colormaps["viridis"](np.linspace(0, 0.85, len(sizes)) if len(sizes) > 1 else [0.4])
    palette = {size: to_hex(colour) for size, colour in zip(sizes, colours, strict=False)}
    log2_axis(panels[0, 0].xaxis, histories["step"], most_ticks=8 if columns < 4 else 5)
    plain_log_axis(panels[0, 0], [threshold, *histories.loc[_is_number(histories["fid"]), "fid"]])
    for panel, optimizer in zip(panels.flat, optimizers, strict=False):
        panel.set_title(optimizer)
        mine = histories[histories["optimizer"] == optimizer]
        seaborn.lineplot(
            mine[_is_number(mine["fid"])],
            x="step",
            y="fid",
            hue="batch_size",
            palette=palette if _is_number(mine["fid"]).any() else None,
            estimator="median",
            errorbar=("pi", 100),
            err_kws={"linewidth": 0},
            legend=False,
            ax=panel,
        )
        _mark_ends(panel, mine, palette)
        panel.axhline(threshold, color=GREY, linestyle="--", linewidth=0.8, gid="threshold")
        panel.set(xlabel="steps", ylabel="")
        panel.tick_params(labelbottom=True)
        panel.xaxis.label.set_visible(True)  # also above an empty place of the last row
    for panel in panels[:, 0]:
        panel.set_ylabel(plain(metric))
    for panel in panels.flat[len(optimizers) :]:
        panel.set_axis_off()
    if not optimizers:
        note(panels[0, 0], "no evaluations")
    handles = {f"$b =$ {power_of_two(s)}": Line2D([], [], color=c) for s, c in palette.items()}
    handles[f"threshold {threshold:g}"] = Line2D([], [], color=GREY, linestyle="--", linewidth=0.8)
    for status in [status for status in STATUSES if (histories["status"] == status).any()]:
        mark = Line2D([], [], **end_mark(status, GREY))
        handles[f"seed ends: {status.replace('-', ' ')}"] = mark
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=6)
    heading(figure, title)
    return figure


def _is_number(fid: pd.Series) -> pd.Series:
    """Where a distance is finite and has a logarithm."""
    return np.isfinite(fid) & (fid > 0)


def _mark_ends(panel: Axes, histories: pd.DataFrame, palette: Mapping[int, str]) -> None:
    for (batch_size, _), rows in histories.groupby(["batch_size", "seed"]):
        rows = rows.sort_values("step")
        finite = rows[_is_number(rows["fid"])]
        status = rows["status"].iloc[-1]
        style = {"markersize": 2.8, "markeredgewidth": 0.8, "zorder": 4}
        style |= {"gid": f"{status} {batch_size}", **end_mark(status, palette[batch_size])}
        if len(finite):
            panel.plot(finite["step"].iloc[-1:], finite["fid"].iloc[-1:], **style)
        else:
            edge = {"transform": panel.get_xaxis_transform(), "clip_on": False}
            panel.plot(rows["step"].iloc[-1:], [1.0], **edge, **style)


def tiles(grid: np.ndarray, columns: int = 8, rows: int = 4) -> np.ndarray:
    """Cuts a sheet of samples without padding into uint8 [rows * columns, H, W, C], row by row.

    grid: uint8 [rows * H, columns * W] or [rows * H, columns * W, C]. Raises ValueError where
    the sheet does not divide evenly.
    """
    height, width = grid.shape[:2]
    if height % rows or width % columns:
        raise ValueError(f"{height} x {width} pixels do not divide into {rows} x {columns} tiles")
    cut = grid.reshape(rows, height // rows, columns, width // columns, -1)
    return cut.swapaxes(1, 2).reshape(rows * columns, *cut.shape[1::2], cut.shape[-1])


@styled()
def samples_figure(
    samples: Mapping[int, np.ndarray],
    finals: pd.DataFrame,
    *,
    optimizer: str,
    title: str,
    metric: str,
    per_row: int = 8,
) -> Figure:
    """The first `per_row` samples of one optimizer, a row per batch size, smallest first.

    samples: batch size -> uint8 [n, H, W, C], C 1 or 3, of one seed. finals: one row per batch
    size with batch_size, status, final_fid (NaN where it never was a number) of that seed.
    """
    sizes = sorted(samples)
    tile = (COLUMN_WIDTH - 0.75) / per_row  # inches
    height = 0.5 + max(len(sizes), 1) * (tile + 0.06)
    figure = Figure(figsize=(COLUMN_WIDTH, height), layout="constrained")
    rows = figure.subplots(max(len(sizes), 1), 1, squeeze=False)[:, 0]
    for axes in rows:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    finals = finals.set_index("batch_size")
    for axes, size in zip(rows, sizes, strict=False):
        gap = ((0, 0), (0, 0), (0, 1), (0, 0))  # one white pixel right of each tile
        padded = np.pad(samples[size][:per_row], gap, constant_values=255)
        image = np.concatenate(list(padded), axis=1)[:, :-1]
        grey = image.squeeze(-1) if image.shape[-1] == 1 else image
        axes.imshow(grey, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        final, status = finals.loc[size, ["final_fid", "status"]]
        lines = [f"$b =$ {power_of_two(size)}"]
        lines += [f"{final:.3g}"] if pd.notna(final) else []
        lines += [status.replace("-", " ")] if status != "reached" else []
        label = {"rotation": 0, "ha": "right", "va": "center", "fontsize": 6, "linespacing": 1.0}
        axes.set_ylabel("\n".join(lines), **label)
    if not sizes:
        note(rows[0], "no samples")
    heading(figure, title, f"{optimizer}, final {metric}")
    return figure
