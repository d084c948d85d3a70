"""How far N(b), SFO and the critical batch size depend on which seeds were run.

The seeds of every batch size are drawn anew, with replacement, and the measurement is repeated as
it stands: median over seeds, SFO, its smallest (B. Efron, Bootstrap methods: another look at the
jackknife, Ann. Statist. 7, 1979, 1-26; percentile intervals). A seed that did not arrive stays
infinite in every draw. One that did has its N drawn evenly from the bracket (last miss, first hit]
that the evaluation grid leaves, so that seeds which hit at the same evaluation do not pretend to
agree exactly. One that hit at its first evaluation has no last miss: in every draw its N lies
anywhere below that step.

With n seeds only their own numbers can be drawn: the interval of a median is about the range of
the seeds, and covers the median of all possible seeds in 1 - 2^(1 - n) of the cases at most, 50 %
for two seeds, 75 % for three and 94 % for five.
"""

import numpy as np
import pandas as pd

from ..tables.statistics import BOOTSTRAP, CRITICAL_INTERVALS
from .aggregate import critical_table, median_sfo

RESAMPLES = 2000
ENDS = (0.025, 0.975)
"""The quantiles between which an interval lies."""


def resampled_medians(
    low: np.ndarray, high: np.ndarray, resamples: int, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Medians of N over redrawn seeds, at least and at most: two arrays [resamples].

    low, high: the seeds' brackets, [n] steps; high = inf for a seed that did not arrive, low = 0
    for one that arrived at its first evaluation. +inf where the majority did not arrive. The two
    differ where a median hangs on seeds that arrived that early.
    """
    drawn = random.integers(len(high), size=(resamples, len(high)))
    early = (low == 0) & np.isfinite(high) & (high > 1)
    width = np.where(np.isfinite(high) & (low > 0), high - low, 0.0)  # N = 1 is exactly 1
    steps = high[drawn] - width[drawn] * random.random(drawn.shape)  # random() is never 1: > low
    most = _medians(steps)
    if not early.any():
        return most, most
    return np.where(np.isfinite(most), _medians(np.where(early[drawn], 0.0, steps)), most), most


def _medians(steps: np.ndarray) -> np.ndarray:
    """Median of every row [resamples, n], +inf where it hangs on an infinite one."""
    steps = np.sort(steps, axis=1)
    middle = steps.shape[1] // 2
    if steps.shape[1] % 2:
        return steps[:, middle]
    return steps[:, middle - 1 : middle + 1].mean(axis=1)


def interval(least: np.ndarray, most: np.ndarray, point: float) -> tuple[float, float]:
    """The central 95 % of values that lie between `least` and `most`, which may be infinite: the
    lower end from the former, the upper from the latter, widened to hold a finite `point`.

    The measured N is the upper end of its bracket, so that the draws may all lie below it.
    """
    low, high = (
        np.quantile(values, end, method="inverted_cdf")
        for values, end in zip((least, most), ENDS, strict=True)
    )
    return (min(low, point), max(high, point)) if np.isfinite(point) else (low, high)


def cheapest_between(
    least: np.ndarray, most: np.ndarray, tried: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The smallest and the largest batch size that may be the cheapest, each [resamples].

    least, most: what a batch size costs, [batch sizes, resamples]; tried: [batch sizes],
    increasing. The cheapest by `most`, of equals the smaller, and every other whose `least` is
    below that. Both are +inf where nothing arrived.
    """
    best = np.argmin(most, axis=0)
    smallest = np.min(most, axis=0)
    candidates = least < smallest
    candidates[best, np.arange(best.size)] = True
    first = tried[np.argmax(candidates, axis=0)].astype(float)
    last = tried[len(tried) - 1 - np.argmax(candidates[::-1], axis=0)].astype(float)
    arrived = np.isfinite(smallest)
    return np.where(arrived, first, np.inf), np.where(arrived, last, np.inf)


def bootstrap_tables(
    steps: pd.DataFrame, resamples: int = RESAMPLES
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The columns `BOOTSTRAP`, a row per batch size, and `CRITICAL_INTERVALS`, one per optimizer.

    steps: the columns `tables.aggregate.STEPS`. Every experiment and optimizer has its own random
    stream, so that adding one changes no other.

    Not reached is +inf throughout, and an infinite number is an empty cell: an empty median, or a
    high end that the resamples do not bound. bracket_low: the median over seeds of the last miss,
    below which the median of N cannot lie. upper_bound, least_steps: from
    `analysis.aggregate.median_sfo`; where the medians are only upper bounds the low ends may be 0.

    In the second table the measured critical batch size comes with the central 95 % of the
    resampled ones and with `support`, the share of all resamples that found the same; a resample in
    which nothing arrived counts as infinite, and one in which several sizes may be the cheapest,
    because they arrived at their first evaluation, as all of these and as no support.

    One seed says nothing about other seeds: ends and support are empty where only one was run.
    """
    keys = ["experiment", "optimizer"]
    measured = critical_table(steps).set_index(keys)["critical_batch_size"]
    bounds = median_sfo(steps).set_index([*keys, "batch_size"])[["upper_bound", "least_steps"]]
    sizes, criticals = [], []
    for pair, group in steps.groupby(keys):
        random = np.random.default_rng(list("/".join(["bootstrap", *pair]).encode()))
        least, most, tried = [], [], []
        for batch_size, seeds in group.groupby("batch_size"):
            high = seeds["steps"].to_numpy("float64", na_value=np.inf)
            low = seeds["bracket_low"].to_numpy("float64")
            medians = resampled_medians(low, high, resamples, random)
            point = float(np.median(high))
            spread = interval(*medians, point) if len(seeds) > 1 else (np.nan, np.nan)
            ends = np.array([point, *spread])
            reached = int(np.isfinite(high).sum())
            bracket = (np.median(low), *bounds.loc[(*pair, batch_size)])
            row = (batch_size, len(seeds), reached, *ends, *bracket, *ends * batch_size)
            sizes.append((*pair, *row))
            least.append(medians[0] * batch_size)
            most.append(medians[1] * batch_size)
            tried.append(batch_size)
        critical = measured[pair]
        point = np.inf if pd.isna(critical) else float(critical)
        found = cheapest_between(np.array(least), np.array(most), np.array(tried))
        spread = interval(*found, point) if group["seed"].nunique() > 1 else (np.nan, np.nan)
        ends = [end if np.isfinite(end) else None for end in spread]
        support = np.mean((found[0] == point) & (found[1] == point))
        if not np.isfinite(point) or group["seed"].nunique() < 2:
            support = np.nan
        criticals.append((*pair, critical, *ends, support, resamples))
    return BOOTSTRAP.frame(sizes).replace(np.inf, np.nan), CRITICAL_INTERVALS.frame(criticals)
