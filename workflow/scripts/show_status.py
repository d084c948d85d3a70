"""Shows where a workflow stands: a table per experiment and optimizer, then the running jobs.

Reads the configuration and results/ and takes no lock, so it works while Snakemake runs, from any
machine that sees the folder.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from critical_batch.configuration import Config, load
from critical_batch.reporting.status import (
    STALE_SECONDS,
    STATES,
    Job,
    read_jobs,
    seconds_left,
    summary,
)
from critical_batch.runtime.errors import UserError, exit_cleanly
from critical_batch.runtime.progress_line import duration, number


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--configfile", type=Path, default=Path("config.yaml"))
    parser.add_argument(
        "--stale",
        type=float,
        default=STALE_SECONDS,
        metavar="SECONDS",
        help="a job that was silent for longer is not running (default: %(default).0f)",
    )
    arguments = parser.parse_args()
    config = load(read_configuration(arguments.configfile))
    jobs = read_jobs(config, stale=arguments.stale)
    print("\n".join([*table(jobs), "", *details(jobs, config), totals(jobs)]))


def read_configuration(path: Path) -> Mapping[str, Any]:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}: name the file with --configfile") from None
    except yaml.YAMLError as error:
        raise UserError(
            f"{path} is not YAML ({' '.join(str(error).split())}): correct it"
        ) from None


def table(jobs: Sequence[Job]) -> list[str]:
    """A line per experiment and optimizer; columns of trouble only where there is some."""
    rows = summary(jobs)
    shown = [s for s in STATES if s in STATES[:3] or any(row[s] for row in rows)]
    header = ["experiment", "optimizer", *shown, "reached", "not reached", "diverged"]
    lines = [[*header, "best distance", "job time left"]]
    for row in rows:
        tried = [b for state in STATES for b in row[state]]
        lines.append(
            [
                *(row["experiment"], row["optimizer"]),
                *(sizes(row[state], sorted(set(tried))) for state in shown),
                *(str(row[name]) for name in ("reached", "not_reached", "diverged")),
                "-" if row["best"] is None else number(row["best"]),
                left(row["seconds_left"]),
            ]
        )
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = [
        [cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines
    ]
    return ["  ".join(line).rstrip() for line in padded]


def sizes(some: Sequence[int], tried: Sequence[int]) -> str:
    """Batch sizes of one state among all that were tried: `1 4-64` where those between belong."""
    parts, run_of = [], []
    for size in [*tried, None]:
        if size in some:
            run_of.append(size)
        elif run_of:
            long = len(run_of) > 2
            parts += [f"{run_of[0]}-{run_of[-1]}"] if long else map(str, run_of)
            run_of = []
    return " ".join(parts) or "-"


def left(seconds: float | None) -> str:
    return "?" if seconds is None else duration(seconds) if seconds else "-"


def details(jobs: Sequence[Job], config: Config) -> list[str]:
    """A line for every job that runs, failed or was interrupted."""
    lines = []
    for job in jobs:
        name = f"{job.run.experiment} {job.run.optimizer} b={job.run.batch_size}"
        name += f" seeds {job.run.seed_key}"
        if job.state == "running":
            lines.append(f"running      {name}: {position(job, config)}")
        elif job.state == "failed":
            lines.append(f"failed       {name}: {job.reason}")
        elif job.state == "interrupted":
            lines.append(f"interrupted  {name}: the same command continues it")
    return [*lines, ""] if lines else []


def position(job: Job, config: Config) -> str:
    """How far a running job is."""
    at = job.progress
    if not at:
        return "starting"
    metric = config.experiments[job.run.experiment].metric
    last = [each["last"] for seed, each in at["distance"].items() if int(seed) in at["running"]]
    shown = " ".join("-" if each is None else number(each) for each in last) or "not yet"
    best = "" if job.best is None else f" (best {number(job.best)})"
    parts = [f"step {at['step']} of {at['step_limit']}", f"{metric} {shown}{best}"]
    if at["steps_per_second"] is not None:
        parts.append(f"{at['steps_per_second']:.3g} steps/s")
    if at["seconds_left"] is not None:
        parts.append(f"at most {duration(at['seconds_left'])} left")
    where = f"Slurm job {at['slurm_job']}" if at["slurm_job"] else f"process {at['pid']}"
    return ", ".join([*parts, f"{where} on {at['host']}"])


def totals(jobs: Sequence[Job]) -> str:
    """All jobs in one line; the time left assumes that as many run at a time as now."""
    counts = {state: sum(job.state == state for job in jobs) for state in STATES}
    line = f"{counts['done']} of {len(jobs)} training jobs done"
    line += "".join(f", {n} {state}" for state, n in counts.items() if n and state != "done")
    seconds = seconds_left(jobs, jobs)
    if counts["done"] == len(jobs):
        return line
    if seconds is None:
        return f"{line}; time left unknown until a job of every experiment has run for a while"
    parallel = counts["running"] or 1
    return f"{line}; about {duration(seconds / parallel)} left with {parallel} at a time"


if __name__ == "__main__":
    exit_cleanly(main)
