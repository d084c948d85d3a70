"""The critical batch size at other thresholds, from the stored histories of the runs.

A seed stops at the configured threshold, so its history knows when it passed every higher one and
nothing about lower ones. At the configured threshold the result is the measured one.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..runs.reading import read_values
from ..runtime.errors import UserError
from ..tables.aggregate import STEPS
from ..tables.statistics import THRESHOLD, TREND
from .aggregate import critical_table

COUNT, FACTOR = 11, 3.0


def thresholds(configured: float) -> np.ndarray:
    """`COUNT` thresholds from the configured one to `FACTOR` times it, evenly in logarithm.

    All but the first are rounded to four digits.
    """
    values = configured * FACTOR ** np.linspace(0, 1, COUNT)
    return np.array([configured, *(float(f"{value:.4g}") for value in values[1:])])


def read_history(path: str | Path, metric: str) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Evaluated steps (increasing) and their distances of every seed of a history.csv, both [E].

    metric: by which. Raises UserError for a missing or damaged file.
    """
    rows: dict[int, list[tuple[int, float]]] = {}
    for seed, step, distance in read_values(path, metric):
        rows.setdefault(seed, []).append((step, distance))
    return {
        seed: (np.array([step for step, _ in pairs]), np.array([value for _, value in pairs]))
        for seed, pairs in rows.items()
    }


def first_hits(
    steps: np.ndarray, distances: np.ndarray, levels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Per level the first step whose distance is at or below it, and the step before that one.

    steps, distances: [E], in the order of training; levels: [T]. Returns hits [T], inf where the
    level was never reached, and last misses [T], 0 where the first evaluation hit. A distance that
    is not a number hits nothing.
    """
    # The sentinel behind the last evaluation hits every level.
    index = (np.append(distances, -np.inf) <= levels[:, None]).argmax(axis=1)
    return np.append(steps, np.inf)[index], np.append(0, steps)[index]


def threshold_table(
    records: Iterable[tuple[Mapping[str, Any], Mapping[int, tuple[np.ndarray, np.ndarray]]]],
) -> pd.DataFrame:
    """Critical batch sizes by threshold: the columns `THRESHOLD`, sorted by the first three.

    records: pairs of a run.json and the history beside it (`read_history`), by the metric that
    stopped it. N(b) at a threshold is the first evaluation at or below it; a seed that never got
    there keeps the status of its run. The last evaluation of a diverged seed counts as a miss
    whatever its distance, as in training.

    Raises UserError where a history lacks a seed of its run.
    """
    columns: list[tuple] = []
    for run, history in records:
        levels = thresholds(run["stop"]["at_most"])
        for result in run["results"]:
            seed, status = result["seed"], result["status"]
            if seed not in history:
                job = f"{run['experiment']}/{run['optimizer']}/b{run['batch_size']}"
                raise UserError(
                    f"run {job}: history.csv lacks seed {seed}: delete it and run again"
                )
            steps, distances = history[seed]
            if status == "diverged":
                steps, distances = steps[:-1], distances[:-1]
            hits, misses = first_hits(steps, distances, levels)
            key = (run["experiment"], run["optimizer"], run["batch_size"], seed, status)
            columns += [
                (rank, level, *key, hit, miss)
                for rank, (level, hit, miss) in enumerate(zip(levels, hits, misses, strict=True))
            ]
    names = ["experiment", "optimizer", "batch_size", "seed", "status", "steps", "bracket_low"]
    table = pd.DataFrame(columns, columns=["rank", "threshold", *names])
    arrived = np.isfinite(table["steps"].astype("float64"))
    table["status"] = table["status"].where(~arrived, "reached")
    table["steps"] = table["steps"].where(arrived)
    table["sfo"] = table["steps"] * table["batch_size"]
    found = []
    for _, level in table.groupby("rank"):
        of_experiment = level.groupby("experiment")["threshold"].first()
        critical = critical_table(STEPS.frame(level))
        found.append(critical.assign(threshold=critical["experiment"].map(of_experiment)))
    result = THRESHOLD.frame(pd.concat(found) if found else ())
    return result.sort_values(["experiment", "optimizer", "threshold"], ignore_index=True)


def trend_table(table: pd.DataFrame) -> pd.DataFrame:
    """Whether b* grows as the threshold falls, per optimizer: the columns `TREND`.

    table: the columns `THRESHOLD`. thresholds: how many have a critical batch size that no other
    batch size undercuts unseen (at_edge "early"). kendall_tau:
    rank correlation (tau-b) of threshold and critical batch size over those, which the theory
    says is negative: -1 where b* never grows with the threshold and never ties, empty where all
    sizes are equal or fewer than three are known. All thresholds share the same runs, so it
    describes and tests nothing.
    """
    from scipy.stats import kendalltau  # half a second to load

    rows = []
    for pair, group in table.groupby(["experiment", "optimizer"]):
        known = group[group["critical_batch_size"].notna() & (group["at_edge"] != "early")]
        known = known.sort_values("threshold")
        sizes = known["critical_batch_size"]
        tau = np.nan
        if len(known) >= 3 and sizes.nunique() > 1:
            tau = kendalltau(known["threshold"], sizes.astype("float64")).statistic
        ends = (sizes.iloc[0], sizes.iloc[-1]) if len(known) else (None, None)
        rows.append((*pair, len(known), *ends, tau))
    return TREND.frame(rows)
