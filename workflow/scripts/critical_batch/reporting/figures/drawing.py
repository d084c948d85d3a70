"""What the scripts that draw share: options, tables, and drawing the figures that they are told."""

import argparse
from collections.abc import Iterable, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd

from ...runtime.errors import UserError
from ..style import write
from .inputs import TABLES
from .label import Label


def add_figures(parser: argparse.ArgumentParser) -> None:
    """The option of every script that draws: which figures."""
    parser.add_argument(
        "--figures",
        required=True,
        nargs="+",
        metavar="NAME",
        help="modules of critical_batch/reporting/figures",
    )


def add_tables(parser: argparse.ArgumentParser) -> None:
    """The options of the scripts that draw from tables: which, and their files."""
    parser.add_argument("--names", required=True, nargs="+", choices=TABLES)
    parser.add_argument(
        "--tables", required=True, nargs="+", metavar="CSV", help="files to read, one a name"
    )


def add_label(parser: argparse.ArgumentParser) -> None:
    """The options of the scripts that draw one experiment: its names, threshold and folder."""
    for name in ("experiment", "section", "title", "metric"):
        parser.add_argument(f"--{name}", required=True, metavar="TEXT")
    parser.add_argument("--output-dir", required=True, type=Path, metavar="FOLDER")
    parser.add_argument("--threshold", required=True, type=float)


def label_of(arguments: argparse.Namespace) -> Label:
    """What the options of `add_label` say."""
    title = f"{arguments.section} {arguments.title}"
    return Label(title, arguments.metric, arguments.threshold)


def read_tables(names: Sequence[str], paths: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Tables by name; whole numbers that may be missing are floats.

    Raises what `Table.read` does.
    """
    pairs = zip(names, paths, strict=True)
    return {name: TABLES[name].read(path, floats=True) for name, path in pairs}


def draw_figures(names: Iterable[str], folder: str | Path, *inputs: Any) -> None:
    """Draws each figure by its module's `draw(*inputs)` and writes {folder}/{name}.{pdf,png,csv}.

    Raises UserError for a name that is no module beside this one.
    """
    for name in names:
        figure, data = module_of(name).draw(*inputs)
        write(figure, data, folder, name)


def module_of(name: str) -> ModuleType:
    """The module that draws a figure. Raises UserError where there is none."""
    path = f"{__package__}.{name}"
    try:
        return import_module(path)
    except ModuleNotFoundError as error:
        if error.name != path:
            raise
        raise UserError(
            f"--figures {name}: there is no module critical_batch/reporting/figures/{name}.py"
        ) from None
