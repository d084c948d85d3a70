"""Writes a CSV file of the theory or the statistics as a readable page."""

import argparse
import csv

from ttur.errors import run
from ttur.files import write_text
from ttur.report.theory import TITLES, theory_page


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", required=True, choices=TITLES)
    parser.add_argument("--csv", required=True, metavar="CSV", help="file to read")
    parser.add_argument("--output", required=True, metavar="HTML", help="file to write")
    arguments = parser.parse_args()
    with open(arguments.csv, newline="") as file:
        rows = list(csv.DictReader(file))
    write_text(arguments.output, theory_page(TITLES[arguments.table], rows))


if __name__ == "__main__":
    run(main)
