"""Where a workflow stands, read from its configuration and its results alone.

No Snakemake, no torch, no lock: usable at any moment, from any machine that sees the results.
A job is
- done: its run.json is there and was made with the settings that the configuration asks for;
- running: its progress.json was updated within the last `stale` seconds and its process, where it
  is one of this machine, lives; or its log was written to within that time, before training began;
- failed: its log ends in an error, while nothing of it runs;
- interrupted: it has a progress.json and nothing else of the above; it continues when asked again;
- waiting: anything else.
"""

import contextlib
import json
import math
import os
import platform
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..configuration import Config
from ..runs.earlier import run_of
from ..runs.layout import Run
from ..runs.reading import read_values
from ..runtime.errors import UserError

STATES = ("done", "running", "waiting", "failed", "interrupted")
STALE_SECONDS = 300.0
"""A job that was silent for longer does not count as running: evaluations may take minutes."""

_LOG_TAIL = 4096  # bytes


@dataclass(frozen=True)
class Job:
    """One training job as it stands.

    ended: seed -> reached, step-limit or diverged. best: the least distance of its seeds, None
    before the first evaluation. seconds: training time so far. seconds_left: at most, only of
    running jobs. progress: the content of progress.json of a running job. reason: last line of a
    failed job's log.
    """

    run: Run
    state: str
    ended: Mapping[str, str] = field(default_factory=dict)
    best: float | None = None
    seconds: float | None = None
    seconds_left: float | None = None
    progress: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""


def read_jobs(
    config: Config,
    root: Path = Path(),
    stale: float = STALE_SECONDS,
    now: Callable[[], float] = time.time,
) -> list[Job]:
    """Every training job of the configuration, whose paths start at `root`."""
    return [
        _job(run, config.training_job(run).to_json(), root, stale, now()) for run in config.runs()
    ]


def _job(run: Run, settings: Mapping[str, Any], root: Path, stale: float, now: float) -> Job:
    record = _json(root / run.path("run.json"))
    if run_of(record).get("settings") == settings:
        return _done(run, run_of(record), root)
    progress = _json(root / run.progress_file)
    so_far = {
        "ended": progress.get("ended", {}),
        "best": _least(each["best"] for each in progress.get("distance", {}).values()),
        "seconds": progress.get("seconds"),
    }
    if progress and now - progress["updated"] <= stale and _alive(progress):
        left = progress["seconds_left"]
        return Job(run, "running", **so_far, seconds_left=left, progress=progress)
    log, written = _tail(root / run.log_file)
    if _is_error(log):
        return Job(run, "failed", **so_far, reason=log.splitlines()[-1])
    if progress:
        return Job(run, "interrupted", **so_far)
    starting = not record and now - written <= stale
    return Job(run, "running" if starting else "waiting")


def _done(run: Run, record: Mapping[str, Any], root: Path) -> Job:
    ended = {str(each["seed"]): each["status"] for each in record["results"]}
    distances = [each["final_value"] for each in record["results"]]
    with contextlib.suppress(OSError, UserError):  # a torn or missing history leaves the final ones
        values = read_values(root / run.path("history.csv"), record["stop"]["metric"])
        distances += [value for _, _, value in values]
    return Job(run, "done", ended, _least(distances), record["seconds"])


def _json(path: Path) -> dict[str, Any]:
    """The object in a file; empty where there is none to read."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _least(values: Iterable[float | None]) -> float | None:
    return min((v for v in values if v is not None and math.isfinite(v)), default=None)


def _alive(progress: Mapping[str, Any]) -> bool:
    """Whether a job's process lives; taken for granted where it runs on another machine."""
    if progress["host"] != platform.node():
        return True
    try:
        os.kill(progress["pid"], 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # another user's
    return True


def _tail(path: Path) -> tuple[str, float]:
    """The end of a log without trailing blanks, and when it was written (epoch seconds)."""
    try:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _LOG_TAIL))
            text = file.read().decode(errors="replace").strip()
            return text, os.fstat(file.fileno()).st_mtime
    except OSError:
        return "", -math.inf


def _is_error(log: str) -> bool:
    """Whether a log ends in a user error's line or in a traceback."""
    last = log.splitlines()[-1:] or [""]
    return last[0].startswith("error:") or "Traceback (most recent call last)" in log


def summary(jobs: Iterable[Job]) -> list[dict[str, Any]]:
    """One row per experiment and optimizer, in their order.

    experiment, optimizer; for every state the batch sizes of its jobs, as a list in their order;
    seeds that reached, did not reach, diverged; best; seconds_left: training time of the
    jobs that are not done, one after the other, None where it cannot be told.
    """
    jobs = list(jobs)
    groups: dict[tuple[str, str], list[Job]] = {}
    for job in jobs:
        groups.setdefault((job.run.experiment, job.run.optimizer), []).append(job)
    rows = []
    for (experiment, optimizer), group in groups.items():
        statuses = [status for job in group for status in job.ended.values()]
        sizes = {
            state: list(dict.fromkeys(job.run.batch_size for job in group if job.state == state))
            for state in STATES
        }
        rows.append(
            {
                "experiment": experiment,
                "optimizer": optimizer,
                **sizes,
                "reached": statuses.count("reached"),
                "not_reached": statuses.count("step-limit"),
                "diverged": statuses.count("diverged"),
                "best": _least(job.best for job in group),
                "seconds_left": seconds_left(group, jobs),
            }
        )
    return rows


def seconds_left(jobs: Iterable[Job], known: Iterable[Job]) -> float | None:
    """Training time that `jobs` still need, one after the other; None where it cannot be told.

    Running jobs: at most until their step limit. Others: the mean of the jobs in `known` of the
    same experiment at the nearest batch size (in powers of two), finished ones before running.
    """
    known = list(known)
    total = 0.0
    for job in jobs:
        if job.state == "done":
            continue
        left = job.seconds_left if job.state == "running" else None
        if left is None:
            left = _expected_seconds(job.run, known)
        if left is None:
            return None
        total += left
    return total


def _expected_seconds(run: Run, known: Iterable[Job]) -> float | None:
    totals: dict[tuple[float, bool], list[float]] = {}
    for job in known:
        if job.run.experiment != run.experiment or job.seconds is None:
            continue
        distance = abs(math.log2(job.run.batch_size / run.batch_size))
        if job.state == "done":
            totals.setdefault((distance, False), []).append(job.seconds)
        elif job.seconds_left is not None:
            totals.setdefault((distance, True), []).append(job.seconds + job.seconds_left)
    if not totals:
        return None
    nearest = totals[min(totals)]
    return sum(nearest) / len(nearest)
