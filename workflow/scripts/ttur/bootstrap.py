"""How far N(b), SFO and the critical batch size depend on which seeds were run.

The seeds of every batch size are drawn anew, with replacement, and the measurement is repeated as
it stands: median over seeds, SFO, its smallest (B. Efron, Bootstrap methods: another look at the
jackknife, Ann. Statist. 7, 1979, 1-26; percentile intervals). A seed that did not arrive stays
infinite in every draw. One that did has its N drawn evenly from the bracket (last miss, first hit]
that the evaluation grid leaves, so that seeds which hit at the same evaluation do not pretend to
agree exactly.

With n seeds only their own numbers can be drawn: the interval of a median is about the range of
the seeds, and covers the median of all possible seeds in 1 - 2^(1 - n) of the cases at most, 50 %
for two seeds, 75 % for three and 94 % for five.
"""

import numpy as np
import pandas as pd

from .aggregate import critical_table

BOOTSTRAP = {
    "experiment": "str",
    "optimizer": "str",
    "batch_size": "int64",
    "seeds": "int64",
    "reached": "int64",
    "median_steps": "float64",
    "steps_low": "float64",
    "steps_high": "float64",
    "bracket_low": "float64",
    "median_sfo": "float64",
    "sfo_low": "float64",
    "sfo_high": "float64",
}
"""Columns of statistics/bootstrap.csv and their types."""

CRITICAL_INTERVALS = {
    "experiment": "str",
    "optimizer": "str",
    "critical_batch_size": "Int64",
    "low": "Int64",
    "high": "Int64",
    "support": "float64",
    "resamples": "int64",
}
"""Columns of statistics/critical.csv and their types."""

RESAMPLES = 2000
ENDS = (0.025, 0.975)
"""The quantiles between which an interval lies."""


def resampled_medians(
    low: np.ndarray, high: np.ndarray, resamples: int, random: np.random.Generator
) -> np.ndarray:
    """Medians of N over redrawn seeds: [resamples], +inf where the majority did not arrive.

    low, high: the seeds' brackets, [n] steps; high = inf for a seed that did not arrive.
    """
    drawn = random.integers(len(high), size=(resamples, len(high)))
    arrived = np.isfinite(high)
    width = np.where(arrived, high - low, 0.0)
    steps = high[drawn] - width[drawn] * random.random(drawn.shape)  # random() is never 1: > low
    steps.sort(axis=1)
    middle = len(high) // 2
    return steps[:, middle] if len(high) % 2 else steps[:, middle - 1 : middle + 1].mean(axis=1)


def interval(values: np.ndarray, point: float) -> tuple[float, float]:
    """The central 95 % of the values, which may be infinite, widened to hold a finite `point`.

    The measured N is the upper end of its bracket, so that the draws may all lie below it.
    """
    low, high = np.quantile(values, ENDS, method="inverted_cdf")
    return (min(low, point), max(high, point)) if np.isfinite(point) else (low, high)


def bootstrap_tables(
    steps: pd.DataFrame, resamples: int = RESAMPLES
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The columns `BOOTSTRAP`, a row per batch size, and `CRITICAL_INTERVALS`, one per optimizer.

    steps: the columns `aggregate.STEPS`. Every experiment and optimizer has its own random stream,
    so that adding one changes no other.

    Not reached is +inf throughout, and an infinite number is an empty cell: an empty median, or a
    high end that the resamples do not bound. bracket_low: the median over seeds of the last miss,
    below which the median of N cannot lie. In the second table the measured critical batch size
    comes with the central 95 % of the resampled ones and with `support`, the share of all
    resamples that found the same; a resample in which nothing arrived counts as infinite.
    """
    keys = ["experiment", "optimizer"]
    measured = critical_table(steps).set_index(keys)["critical_batch_size"]
    sizes, criticals = [], []
    for pair, group in steps.groupby(keys):
        random = np.random.default_rng(list("/".join(["bootstrap", *pair]).encode()))
        costs, tried = [], []
        for batch_size, seeds in group.groupby("batch_size"):
            high = seeds["steps"].to_numpy("float64", na_value=np.inf)
            low = seeds["bracket_low"].to_numpy("float64")
            medians = resampled_medians(low, high, resamples, random)
            point = float(np.median(high))
            ends = np.array([point, *interval(medians, point)])
            reached = int(np.isfinite(high).sum())
            row = (batch_size, len(seeds), reached, *ends, np.median(low), *ends * batch_size)
            sizes.append((*pair, *row))
            costs.append(medians * batch_size)
            tried.append(batch_size)
        critical = measured[pair]
        point = np.inf if pd.isna(critical) else float(critical)
        cheapest = np.argmin(costs, axis=0)  # the first, so the smaller, of equals
        found = np.where(np.isfinite(np.min(costs, axis=0)), np.array(tried)[cheapest], np.inf)
        ends = [end if np.isfinite(end) else None for end in interval(found, point)]
        support = np.mean(found == point) if np.isfinite(point) else np.nan
        criticals.append((*pair, critical, *ends, support, resamples))
    table = pd.DataFrame(sizes, columns=list(BOOTSTRAP)).replace(np.inf, np.nan)
    return (
        table.astype(BOOTSTRAP),
        pd.DataFrame(criticals, columns=list(CRITICAL_INTERVALS)).astype(CRITICAL_INTERVALS),
    )
