"""At which steps the FID is looked at."""

from collections.abc import Mapping
from typing import Any


def step_limit(limits: Mapping[str, Any], batch_size: int) -> int:
    """The last step of a run: the configured number, or fewer where samples run out first."""
    limit = limits["steps"]
    if limits.get("samples") is not None:
        limit = min(limit, limits["samples"] // batch_size)
    return max(limit, 1)


def evaluation_steps(grid: Mapping[str, Any], limit: int) -> list[int]:
    """Increasing steps in [1, limit]; the last one is always `limit`.

    log: first, first * factor, first * factor^2, ... rounded, so that the relative resolution of
    N(b) is the same for all batch sizes. linear: every, 2 * every, ...
    """
    steps = []
    if grid["kind"] == "linear":
        steps = list(range(grid["every"], limit, grid["every"]))
    else:
        step = float(grid["first"])
        while round(step) < limit:
            steps.append(round(step))
            step = max(step * grid["factor"], step + 1)
    return [*steps, limit]
