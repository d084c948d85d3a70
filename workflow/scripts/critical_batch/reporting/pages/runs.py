"""All training jobs on one page: how every seed ended, its steps, its cost."""

from collections.abc import Iterable, Mapping
from typing import Any

from ...runtime.progress_line import number
from .html import cell, heading, page, paragraph, table

_HEADINGS = ("b", "Seed", "Ended", "Steps N(b)", "SFO = b N(b)", "Last distance", "Seconds")
_WORDS = {"reached": "reached", "step-limit": "step limit", "diverged": "diverged"}


def runs_page(runs: Iterable[Mapping[str, Any]]) -> str:
    """The page, from the run.json of every job, in their order.

    A row is a job: its seeds train together, a line of a cell is one of them. Only a seed that
    reached the threshold has N(b).
    """
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for run in runs:
        groups.setdefault((run["experiment"], run["optimizer"]), []).append(run)
    jobs = [run for group in groups.values() for run in group]
    ended = [result["status"] for run in jobs for result in run["results"]]
    counts = ", ".join(f"{ended.count(s)} {_WORDS[s]}" for s in _WORDS if s in ended)
    hours = sum(run["seconds"] for run in jobs) / 3600
    body = [
        paragraph(f"{len(jobs)} training jobs, {len(ended)} seeds: {counts}."),
        paragraph(f"Training time of all jobs: {hours:.2f} h. Seconds are those of a job.", True),
    ]
    for (experiment, optimizer), group in groups.items():
        body.append(heading(f"{experiment}, {optimizer}"))
        metric, threshold = group[0]["metric"], group[0]["stop"]["at_most"]
        body.append(paragraph(f"Threshold: {metric} {threshold:g}.", True))
        numbers = [h for h in _HEADINGS if h != "Ended"]
        body.append(table(_HEADINGS, map(_cells, group), numbers))
    return page("Runs", body)


def _cells(run: Mapping[str, Any]) -> list[str]:
    results = run["results"]
    steps = [result["steps"] for result in results]
    final = [result["final_value"] for result in results]
    return [
        cell(run["batch_size"]),
        _lines(result["seed"] for result in results),
        _lines(_WORDS.get(result["status"], result["status"]) for result in results),
        _lines(None if n is None else f"{n:,}" for n in steps),
        _lines(None if n is None else f"{n * run['batch_size']:,}" for n in steps),
        _lines(None if value is None else number(value, 2) for value in final),
        cell(f"{run['seconds']:,.0f}"),
    ]


def _lines(values: Iterable[object]) -> str:
    return "<br>".join(map(cell, values))
