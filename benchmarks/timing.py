"""Alternating timings: what shares a machine with others can only be compared side by side."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Row:
    """One candidate of one case.

    seconds: median over the rounds, of one call. ratio: median over the rounds of its seconds by
    ours in the same round, with its quartiles low and high; 1 for ours.
    """

    benchmark: str
    case: str
    candidate: str
    seconds: float
    ratio: float
    low: float
    high: float
    rounds: int


def compare(
    benchmark: str,
    case: str,
    candidates: Mapping[str, Callable[[], object]],
    rounds: int,
    calls: int = 1,
    warm: bool = True,
) -> list[Row]:
    """Times every candidate once per round, in turn, `calls` calls at a time; the first is ours.

    One untimed call of each comes first, unless they are warm already (`warm` False).
    """
    if warm:
        for candidate in candidates.values():
            candidate()
    seconds = {name: np.empty(rounds) for name in candidates}
    for index in range(rounds):
        # Whoever comes second in a round may find warm caches: take turns at that too.
        order = list(candidates) if index % 2 == 0 else list(candidates)[::-1]
        for name in order:
            started = time.perf_counter()
            for _ in range(calls):
                candidates[name]()
            seconds[name][index] = (time.perf_counter() - started) / calls
    ours = seconds[next(iter(candidates))]
    rows = []
    for name, taken in seconds.items():
        low, ratio, high = np.quantile(taken / ours, [0.25, 0.5, 0.75]).tolist()
        rows.append(Row(benchmark, case, name, float(np.median(taken)), ratio, low, high, rounds))
    return rows
