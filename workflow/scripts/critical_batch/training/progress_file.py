"""How far a running job is, in a small JSON file that `reporting.status` reads.

It lies beside the resume state: undeclared, so that Snakemake neither waits for it nor deletes it,
and on the file system that all machines of a cluster share.
"""

import contextlib
import math
import os
import platform
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..runtime.files import write_json
from .history import HistoryRow, TrainingState
from .job import TrainingJob


class ProgressFile:
    """Called with a job's state and its last step; writes at most every `interval` seconds.

    The first call always writes, and so does one at which a seed has ended.
    """

    def __init__(self, path: str | Path, job: TrainingJob, interval: float = 2.0):
        self._path, self._job, self._interval = Path(path), job, interval
        self._written = -math.inf
        self._ended = 0
        self._start: tuple[int, float] | None = None

    def __call__(self, state: TrainingState, last_step: int) -> None:
        now = time.monotonic()
        if now - self._written < self._interval and len(state.results) == self._ended:
            return
        self._start = self._start or (state.step, state.seconds)
        with contextlib.suppress(OSError):  # a full disk is no reason to end a training here
            write_json(self._path, self._record(state, last_step))
        self._written, self._ended = now, len(state.results)

    def _record(self, state: TrainingState, last_step: int) -> dict[str, Any]:
        speed = _speed(state, *self._start)
        left = (last_step - state.step) / speed if speed and state.running else None
        return {
            "experiment": self._job.experiment,
            "optimizer": self._job.optimizer,
            "batch_size": self._job.batch_size,
            "seeds": self._job.seeds,
            "step": state.step,
            "step_limit": last_step,
            "running": state.running,
            "ended": {str(seed): each.status for seed, each in state.results.items()},
            "distance": so_far(state.rows, self._job.stop.metric),
            "steps_per_second": speed and round(speed, 3),
            "seconds": round(state.seconds, 1),
            "seconds_left": left and round(left, 1),
            "host": platform.node(),
            "pid": os.getpid(),
            "slurm_job": os.environ.get("SLURM_JOB_ID"),
            "updated": round(time.time(), 3),
        }

    def remove(self) -> None:
        """Deletes the file; before the resume state, whose folder goes when it is empty."""
        self._path.unlink(missing_ok=True)
        # What a kill in the middle of a write left behind.
        for torn in self._path.parent.glob(f".{self._path.stem}.*{self._path.suffix}"):
            torn.unlink(missing_ok=True)


def so_far(rows: Iterable[HistoryRow], metric: str) -> dict[str, dict[str, float | None]]:
    """Seed -> best and last distance of its evaluations by a metric, from rows of the history.

    None where there is none: the last evaluation was not a finite number, or none was.
    """
    found: dict[str, list[float]] = {}
    for row in rows:
        if row.metric == metric:
            found.setdefault(str(row.seed), []).append(row.value)
    return {
        seed: {
            "best": min(filter(math.isfinite, values), default=None),
            "last": values[-1] if math.isfinite(values[-1]) else None,
        }
        for seed, values in found.items()
    }


def _speed(state: TrainingState, first_step: int, first_second: float) -> float | None:
    """Steps per second of this process; that of the interrupted one until there is one."""
    steps, seconds = state.step - first_step, state.seconds - first_second
    if steps <= 0 or seconds <= 0:
        steps, seconds = state.step, state.seconds
    return steps / seconds if steps and seconds > 0 else None
