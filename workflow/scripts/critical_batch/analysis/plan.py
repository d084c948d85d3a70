"""The cost of a grid of training jobs, as pure functions on DataFrames."""

import pandas as pd

from ..tables.results import PLAN

_KEYS = ["section", "experiment", "batch_size"]


def plan_table(jobs: pd.DataFrame, probes: pd.DataFrame) -> pd.DataFrame:
    """One row per section, experiment and batch size, at most so long: runs may stop earlier.

    jobs: one row per training job with section, experiment, optimizer, batch_size, seeds (a
    number), steps (its limit). probes: records of probe_throughput.py, may be empty; a job
    without a probe of its own takes the mean of its experiment and batch size.

    Returns the columns `PLAN`: steps are the limit of one seed, samples of all seeds together, and
    hours of all jobs one after the other on the device that was probed; empty without probe.
    Steps are upper bounds, so samples and hours are too. FID evaluations are not in it.
    """
    rates = _rates(probes)
    rows = []
    for keys, group in jobs.groupby(_KEYS, sort=False):
        hours = [
            steps / rate / 3600 if (rate := rates(*keys[1:], optimizer)) else None
            for optimizer, steps in zip(group["optimizer"], group["steps"], strict=True)
        ]
        row = dict(zip(_KEYS, keys, strict=True))
        row["optimizers"] = group["optimizer"].nunique()
        row["jobs"] = len(group)
        row["steps"] = group["steps"].max()
        row["samples"] = (group["steps"] * group["batch_size"] * group["seeds"]).sum()
        row["hours"] = None if None in hours else sum(hours)
        rows.append(row)
    table = PLAN.frame(rows)
    order = {name: place for place, name in enumerate(dict.fromkeys(table["experiment"]))}
    return table.sort_values(
        ["experiment", "batch_size"],
        key=lambda column: column.map(order) if column.name == "experiment" else column,
        ignore_index=True,
    )


def _rates(probes: pd.DataFrame):
    """Steps per second by experiment, batch size and optimizer; None where nothing was probed."""
    if probes.empty:
        return lambda *_: None
    exact = probes.groupby(["experiment", "batch_size", "optimizer"])["steps_per_second"].mean()
    rough = probes.groupby(["experiment", "batch_size"])["steps_per_second"].mean()
    return lambda e, b, o: exact.get((e, b, o), rough.get((e, b)))


def plan_text(table: pd.DataFrame) -> str:
    """The table for a terminal, with totals below."""
    shown = table.assign(
        steps=table["steps"].map("{:,}".format),
        samples=table["samples"].map("{:,}".format),
        hours=table["hours"].map(lambda hours: "-" if pd.isna(hours) else f"{hours:.2f}"),
    )
    known = table["hours"].notna()
    total = f"total: {table['jobs'].sum()} jobs, at most {table['samples'].sum():,} samples"
    if known.all():
        total += f", at most {table['hours'].sum():.2f} device hours (FID evaluations apart)"
    elif known.any():
        total += f", at most {table['hours'].sum():.2f} device hours for the batch sizes probed"
    else:
        total += "; for hours, run the target probe on the machine that will train"
    return f"{shown.to_string(index=False)}\n{total}"
