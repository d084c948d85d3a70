"""Numbers of a run for the captions of its report.

Read when the report is made; what the run has not made (yet) is left out.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..configuration import Experiment
from .figures.captions import caption
from .figures.registry import FIGURES

_BOUNDS = {
    "smallest": "the smallest size tried, a bound",
    "largest": "the largest size tried, a bound",
    "early": "provisional: another size reached the threshold at its first evaluation",
    "censored": "provisional: another size was stopped too early",
}


@dataclass(frozen=True)
class CaptionNumbers:
    """The numbers of some experiments, `experiment_numbers` of each.

    of: their names. The report lists the parameters of a job, and this one by them.
    """

    of: str
    experiments: Sequence[Mapping[str, Any]] = field(repr=False)

    def caption(self, figure: str) -> str:
        """The caption of a figure of `reporting.figures.registry.FIGURES`, as reStructuredText."""
        entry = FIGURES[figure]
        return caption(entry.caption, map(entry.numbers, self.experiments))


def caption_numbers(
    experiments: Iterable[Experiment], results: Path = Path("results")
) -> CaptionNumbers:
    """The numbers of every experiment, in their order, as far as they are in `results`."""
    found = [experiment_numbers(experiment, results) for experiment in experiments]
    return CaptionNumbers(", ".join(each["name"] for each in found), found)


def experiment_numbers(experiment: Experiment, results: Path) -> dict[str, Any]:
    """Title, section, metric, threshold, seeds, step limit, batch sizes, and per optimizer what
    was measured, estimated and fitted, as text; "" where there is nothing."""
    noise = _rows(results / "statistics/fid_noise.csv", experiment.name)
    return {
        "name": experiment.name,
        "title": experiment.title,
        "section": experiment.section,
        "metric": experiment.metric,
        "threshold": f"{experiment.stop.at_most:g}",
        "samples": f"{experiment.fid.samples:,}",
        "first_look": _first_look(experiment),
        "seeds": _counted(len(experiment.seeds), "seed"),
        "step_limit": f"{experiment.limits.steps:,}",
        "batch_sizes": _range(min(experiment.batch_sizes), max(experiment.batch_sizes)),
        "sd": _rounded(noise[0].get("sd", "")) if noise else "",
        "optimizers": [
            _optimizer(experiment.name, name, results) for name in experiment.optimizers
        ],
    }


def _first_look(experiment: Experiment) -> str:
    """What follows the number of samples, where the distance may be of fewer."""
    first = experiment.fid.first_look
    if first is None:
        return ""
    ceiling = first.factor * experiment.stop.at_most
    return f", of the first {first.samples:,} where these give more than {ceiling:g}"


def _optimizer(experiment: str, optimizer: str, results: Path) -> dict[str, str]:
    def first(name: str) -> Mapping[str, str]:
        rows = _rows(results / name, experiment)
        return next((row for row in rows if row["optimizer"] == optimizer), {})

    measured, fit = first("aggregate/critical.csv"), first("theory/censored_fit.csv")
    low, high = measured.get("low", ""), measured.get("high", "")
    return {
        "name": optimizer,
        "measured": measured.get("critical_batch_size", ""),
        "unmeasured": "not reached"
        if measured.get("at_edge") != "early"
        else "unknown, the threshold was reached at the first evaluation",
        "range": _range(low, high)
        or ("only one was run" if measured.get("seeds") == "1" else "not known"),
        "bound": _BOUNDS.get(measured.get("at_edge", ""), ""),
        "arrived": f"{measured['seeds_reached']} of {measured['seeds']}" if measured else "",
        "estimated": first("theory/estimates.csv").get("estimated", ""),
        "fitted": _rounded(fit.get("critical_batch_size", "")),
        "pole": _rounded(fit.get("pole", "")),
    }


def _range(low: object, high: object) -> str:
    return f"{low}" if low == high else f"{low} to {high}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _rows(path: Path, experiment: str) -> Sequence[Mapping[str, str]]:
    """Rows of one experiment; none where the file is missing."""
    try:
        with open(path, newline="") as file:
            return [row for row in csv.DictReader(file) if row.get("experiment") == experiment]
    except OSError:
        return []


def _rounded(text: str) -> str:
    return f"{float(text):.3g}" if text else ""
