"""At which steps the FID is looked at."""

import math
from collections.abc import Mapping
from typing import Any


def step_limit(limits: Mapping[str, Any], batch_size: int) -> int:
    """The last step of a run: the configured number, or fewer where samples run out first.

    At least 1: a configuration whose samples are less than one batch is refused.
    """
    limit = limits["steps"]
    if limits.get("samples") is not None:
        limit = min(limit, limits["samples"] // batch_size)
    return max(limit, 1)


def evaluation_steps(grid: Mapping[str, Any], limit: int) -> list[int]:
    """Increasing steps in [1, limit]; the last one is always `limit`.

    log: first, first * factor, first * factor^2, ... rounded, so that the relative resolution of
    N(b) is the same for all batch sizes. linear: every, 2 * every, ...
    """
    if grid["kind"] == "linear":
        return [*range(grid["every"], limit, grid["every"]), limit]
    steps, step = [], float(grid["first"])
    while round(step) < limit:
        steps.append(round(step))
        step = max(step * grid["factor"], step + 1)
    return [*steps, limit]


def evaluation_bound(grid: Mapping[str, Any], limit: int) -> int:
    """At least the length of `evaluation_steps`, without making the list.

    log: one by one up to 1 / (factor - 1), from where on a factor is more than one step.
    """
    if grid["kind"] == "linear":
        return -(-limit // grid["every"])
    first, factor = grid["first"], grid["factor"]
    singles = max(min(1 / (factor - 1), limit) - first, 0)
    reached = first + singles
    factors = math.log(limit / reached) / math.log(factor) if limit > reached else 0
    return math.ceil(singles) + math.ceil(factors) + 2
