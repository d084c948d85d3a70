"""Where the time of a finished workflow went, after `make reproduce` in the same folder.

Snakemake's records say when every job started and ended, the training jobs' own say how long they
trained and how much of that the FID took.
"""

import json
import sys
from collections import defaultdict
from math import inf
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).parents[1]
COLUMNS = ("rule", "jobs", "seconds", "training steps", "FID", "rest a job")


def job_times(records: Path) -> dict[str, list[tuple[float, float]]]:
    """Rule -> (start, end) of its jobs, in seconds since 1970; records: .snakemake/metadata."""
    times = defaultdict(dict)
    for file in records.rglob("*"):
        record = json.loads(file.read_text()) if file.is_file() else {}
        if record.get("endtime"):  # of each output of a job there is one
            job = times[record["rule"]]
            start, end = job.get(record["job_hash"], (inf, -inf))
            now = min(start, record["starttime"]), max(end, record["endtime"])
            job[record["job_hash"]] = now
    return {rule: list(jobs.values()) for rule, jobs in times.items()}


def table(root: Path) -> tuple[pd.DataFrame, str]:
    """A row per rule with the columns COLUMNS, in seconds, and a sentence on the whole."""
    jobs = job_times(root / ".snakemake/metadata")
    paths = root.glob("results/runs/*/*/*/*/run.json")
    runs = [json.loads(path.read_text()) for path in paths]
    fid = sum(run["evaluation_seconds"] for run in runs)
    steps = sum(run["seconds"] for run in runs) - fid
    rows = []
    for rule, times in sorted(jobs.items()):
        seconds = sum(end - start for start, end in times)
        of_training = (steps, fid) if rule == "train_gan" else (0.0, 0.0)
        rest = (seconds - sum(of_training)) / len(times)
        rows.append((rule, len(times), seconds, *of_training, rest))
    found = pd.DataFrame(rows, columns=list(COLUMNS)).sort_values("seconds", ascending=False)
    every = [time for times in jobs.values() for time in times]
    wall = max(end for _, end in every) - min(start for start, _ in every)
    busy = found["seconds"].sum()
    return found, (
        f"{wall:.0f} s from the first job's start to the last one's end, {busy:.0f} s of jobs: "
        f"training steps {steps / busy:.0%}, their FID {fid / busy:.0%}; the FID is "
        f"{fid / (steps + fid):.1%} of the time of training"
    )


if __name__ == "__main__":
    if not (ROOT / "results/manifest.json").exists():
        sys.exit(
            "error: results/manifest.json is missing: run `make reproduce` in this folder first"
        )
    frame, sentence = table(ROOT)
    print(frame.round(1).to_string(index=False))
    print(sentence)
