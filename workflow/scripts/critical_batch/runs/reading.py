"""Reading what runs left, run.json and history.csv, of earlier versions too."""

import csv
from pathlib import Path
from typing import Any

from ..runtime.errors import UserError
from .earlier import history_rows, run_of
from .record import read_record


def read_run(path: str | Path) -> dict[str, Any]:
    """The record of a run, its run.json; UserError as `read_record`."""
    return run_of(read_record(path))


def read_values(path: str | Path, metric: str) -> list[tuple[int, int, float]]:
    """(seed, step, value) of one metric, loss or norm, in the order of history.csv.

    Raises UserError for a missing or damaged file.
    """
    try:
        # Thousands of small files: the csv module opens one in a tenth of the time of pandas.
        with open(path, newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            if not {"seed", "step"} <= set(reader.fieldnames or ()):
                raise ValueError("no columns of a history")
            return [
                (int(row["seed"]), int(row["step"]), float(row["value"]))
                for line in reader
                for row in history_rows(_whole(line))
                if row["metric"] == metric
            ]
    except FileNotFoundError:
        raise UserError(f"{path} is missing: run the rule that makes it") from None
    except (KeyError, TypeError, ValueError, csv.Error):
        raise UserError(f"{path} is not a history: delete it and run again") from None


def _whole(line: dict[str, str | None]) -> dict[str, str]:
    """The cells of a line; ValueError where it is torn."""
    if None in line.values():
        raise ValueError("a line ends too early")
    return line
