"""Which run.json belong to an experiment, and reading them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..runtime.errors import UserError
from ..runtime.files import listed_paths
from .layout import Run
from .reading import read_run


def listed_runs(path: Path, experiment: str) -> list[Path]:
    """The paths of run.json of one experiment in a list of paths, one a line.

    The list is that of the rule list_runs. Raises UserError where it is missing, has the path of
    something else than a run, or names no run of the experiment.
    """
    mine = [record for record in listed_paths(path) if Run.of(record).experiment == experiment]
    if not mine:
        raise UserError(f"{path} names no run of {experiment}: check --experiment")
    return mine


def first_seeds(paths: Iterable[Path]) -> list[tuple[Path, dict[str, Any]]]:
    """(path, record) of the run with the smallest first seed per optimizer and batch size.

    Its samples.png shows that seed. Sorted by optimizer and batch size.
    """
    records = [(path, read_run(path)) for path in paths]
    records.sort(key=lambda pair: _key(pair[1]))
    shown: dict[tuple[str, int], tuple[Path, dict[str, Any]]] = {}
    for path, record in records:
        shown.setdefault(_key(record)[:2], (path, record))
    return list(shown.values())


def _key(record: dict[str, Any]) -> tuple[str, int, int]:
    return record["optimizer"], record["batch_size"], record["seeds"][0]
