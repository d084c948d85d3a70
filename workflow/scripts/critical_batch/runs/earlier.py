"""What earlier versions wrote of a run, in today's form, so that finished runs stay valid.

Until there were several metrics, FID alone ended a training: `fid.threshold` was among the settings
of a job, run.json had `threshold` and each result `final_fid`, and history.csv had a row per
evaluation with a column per number. What is in today's form comes back as it is.
"""

from collections.abc import Iterator, Mapping
from typing import Any

MEASURES = (
    "generator_loss",
    "discriminator_loss",
    "generator_gradient_norm",
    "discriminator_gradient_norm",
)
"""Columns of the earlier history.csv besides the distance."""


def settings_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a training job, from run.json."""
    fid = dict(settings.get("fid", {}))
    if "threshold" not in fid:
        return dict(settings)
    stop = {"metric": "fid", "at_most": fid.pop("threshold")}
    return {**settings, "fid": fid, "stop": stop, "metrics": {}}


def run_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record of a run, run.json."""
    record = dict(record)
    if isinstance(record.get("settings"), Mapping):
        record["settings"] = settings_of(record["settings"])
    if "threshold" in record:
        record["stop"] = {"metric": "fid", "at_most": record.pop("threshold")}
    if any("final_fid" in result for result in record.get("results", ())):
        record["results"] = [
            {"final_value" if key == "final_fid" else key: value for key, value in result.items()}
            for result in record["results"]
        ]
    return record


def history_rows(row: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """The rows that a row of history.csv, column -> text, stands for; KeyError where it is none."""
    if "metric" in row:
        yield dict(row)
        return
    key = {name: row[name] for name in ("seed", "step")}
    yield {**key, "metric": "fid", "value": row["fid"], "samples": row.get("scored", "")}
    for name in MEASURES:
        if name in row:
            yield {**key, "metric": name, "value": row[name], "samples": ""}
