"""Which batch size to use, from a sweep, as pure functions on DataFrames.

Three answers per experiment and optimizer: the batch size with the fewest gradient evaluations, the
one that is first to finish on the machine that trained, and the smallest that arrives at all.
"""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

import numpy as np
import pandas as pd

from ..optimizers import OPTIMIZERS
from ..tables.results import OTHER_OPTIMIZERS, RECOMMENDATION
from .aggregate import cheapest, median_sfo
from .theory import lower_bound, nearest_size

_KEYS = ["experiment", "optimizer"]
FEWEST_SEEDS = 3
STRONG_SUPPORT, FAIR_SUPPORT = 0.9, 0.5


def costs(steps: pd.DataFrame, speed: pd.DataFrame) -> pd.DataFrame:
    """`analysis.aggregate.median_sfo` with `seconds`, the time that one seed's median N(b) takes.

    steps, speed: steps.csv, speed.csv. seconds is N(b) over the steps of a seed per second, inf
    where the majority of seeds did not arrive.
    """
    keys = [*_KEYS, "batch_size"]
    columns = [*keys, "seed_steps_per_second", "device"]
    table = median_sfo(steps).merge(speed[columns], how="left", on=keys, validate="one_to_one")
    return table.assign(seconds=table["median_steps"] / table["seed_steps_per_second"])


def recommendation_table(
    cost: pd.DataFrame,
    critical: pd.DataFrame,
    intervals: pd.DataFrame,
    experiments: Sequence[Mapping[str, Any]],
) -> pd.DataFrame:
    """The columns `RECOMMENDATION`, one row per experiment and optimizer that was trained.

    cost: from `costs`. critical: critical.csv. intervals: statistics/critical.csv, may be empty.
    experiments: records `{name, optimizers}`, in the order of the rows.

    fewest_gradients: the measured critical batch size; fewest_low, fewest_high its interval, or
    without one the range over seeds. finishes_first: the batch size with the smallest `seconds`,
    the smaller of equals; empty where others whose N is only an upper bound may take less.
    smallest_reaching: the smallest at which the majority of seeds arrived. certainty: see
    `certainty`. Numbers are empty where no batch size arrived.
    """
    spread = intervals.set_index(_KEYS)
    rows = []
    for record in experiments:
        for optimizer in record["optimizers"]:
            key = (record["name"], optimizer)
            measured = _only(critical, key)
            if measured is None:
                continue
            group = cost[(cost["experiment"] == key[0]) & (cost["optimizer"] == key[1])]
            interval = spread.loc[key] if key in spread.index else None
            source = measured if interval is None else interval
            first, seconds = _finishes_first(group)
            arrived = group.loc[np.isfinite(group["median_steps"]), "batch_size"]
            rows.append(
                (
                    *key,
                    measured["critical_batch_size"],
                    *(None if pd.isna(source[end]) else source[end] for end in ("low", "high")),
                    first,
                    seconds,
                    arrived.min() if len(arrived) else None,
                    certainty(measured, interval, len(group)),
                )
            )
    return RECOMMENDATION.frame(rows)


def _only(table: pd.DataFrame, key: tuple[str, str]) -> pd.Series | None:
    """The one row of an experiment and optimizer, None where there is none."""
    rows = table[(table["experiment"] == key[0]) & (table["optimizer"] == key[1])]
    return None if rows.empty else rows.iloc[0]


def _finishes_first(group: pd.DataFrame) -> tuple[int | None, float | None]:
    """The batch size with the fewest seconds and these, unless another may take fewer still."""
    least = group["least_steps"] / group["seed_steps_per_second"]
    best = cheapest(group.rename(columns={"seconds": "cost"}).assign(least=least), _KEYS)
    if best.empty or best["early"].item():
        return None, None
    return int(best["batch_size"].item()), float(best["cost"].item())


def certainty(measured: pd.Series, interval: pd.Series | None, tried: int) -> str:
    """How sure fewest_gradients is, in one of these words.

    `try a lower threshold`: batch sizes arrived at their first evaluation, so that their N is only
    an upper bound, and one of them may be the cheapest. `not reached`: at no batch size did the
    majority of seeds arrive. `one batch size`: no other was tried. `try more steps`: a batch size
    that did not arrive was stopped too early to be excluded. `try smaller`, `try larger`: it is the
    smallest or largest tried, so a bound. Otherwise, by the number of seeds and the share of
    bootstrap resamples with this very minimum: `low` (fewer than 3 seeds, no bootstrap, or less
    than half), `fair`, or `high` (at least 90 %).

    measured: a row of critical.csv; interval: a row of statistics/critical.csv or None; tried: how
    many batch sizes.
    """
    if measured["at_edge"] == "early":
        return "try a lower threshold"
    if pd.isna(measured["critical_batch_size"]):
        return "not reached"
    if tried == 1:
        return "one batch size"
    edge = {"smallest": "try smaller", "largest": "try larger", "censored": "try more steps"}
    none_is_smaller = measured["at_edge"] == "smallest" and measured["critical_batch_size"] == 1
    if measured["at_edge"] in edge and not none_is_smaller:
        return edge[measured["at_edge"]]
    missing = interval is None or pd.isna(interval["support"])
    support = 0.0 if missing else interval["support"]
    if measured["seeds"] < FEWEST_SEEDS or support < FAIR_SUPPORT:
        return "low"
    return "high" if support >= STRONG_SUPPORT else "fair"


def other_optimizers(
    estimates: pd.DataFrame, networks: pd.DataFrame, experiments: Sequence[Mapping[str, Any]]
) -> pd.DataFrame:
    """Proposition 3.4 for the registered optimizers that an experiment did not train.

    estimates, networks: estimates.csv, networks.csv. experiments: records `{name, optimizers}`.
    Returns the columns `OTHER_OPTIMIZERS`. The rate is that of the experiment's first optimizer
    (rate_optimizer), the other hyper-parameters are the registry's defaults, the ratio is the
    experiment's own. The estimates are empty where the ratio is, and for optimizers without a
    scale. They are proportional to the rate.
    """
    sizes = networks.set_index("experiment")[["generator_parameters", "images"]]
    rows = []
    for record in experiments:
        name, trained = record["name"], record["optimizers"]
        lender = _only(estimates, (name, next(iter(trained))))
        if lender is None or name not in sizes.index:
            continue
        first = next(iter(trained.values()))
        rate, tried = first["generator_rate"], first.get("batch_sizes", ())
        source = (lender["ratio_experiment"], lender["ratio_optimizer"], lender["ratio"])
        for optimizer in OPTIMIZERS:
            if optimizer in trained:
                continue
            exact = lower_bound(lender["ratio"], optimizer, rate, {}, *map(int, sizes.loc[name]))
            nearest = nearest_size(exact, tried) if isfinite(exact) else None
            rows.append((name, optimizer, rate, lender["optimizer"], *source, exact, nearest))
    return OTHER_OPTIMIZERS.frame(rows)
