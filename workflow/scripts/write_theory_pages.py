"""Writes CSV files of the theory and the statistics as readable pages."""

import argparse
import csv
from pathlib import Path

from critical_batch.reporting.pages.theory import TITLES, theory_page
from critical_batch.runtime.errors import exit_cleanly
from critical_batch.runtime.files import write_text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--names", required=True, nargs="+", choices=TITLES)
    parser.add_argument(
        "--tables", required=True, nargs="+", metavar="CSV", help="files to read, one a name"
    )
    parser.add_argument("--output-dir", required=True, type=Path, help="for NAME.html")
    arguments = parser.parse_args()
    for name, path in zip(arguments.names, arguments.tables, strict=True):
        with open(path, newline="") as file:
            rows = list(csv.DictReader(file))
        write_text(arguments.output_dir / f"{name}.html", theory_page(TITLES[name], rows))


if __name__ == "__main__":
    exit_cleanly(main)
