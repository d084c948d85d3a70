"""Draws the critical batch size against the learning rate: learning_rates.{pdf,png,csv}."""

import argparse
from pathlib import Path

from ttur.errors import run
from ttur.figures.columns import LEARNING_RATES
from ttur.figures.learning_rates import learning_rates_figure
from ttur.style import write
from ttur.tables import read_table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", required=True, metavar="CSV", help="learning_rates.csv to read")
    parser.add_argument("--output-dir", required=True, type=Path, metavar="FOLDER")
    arguments = parser.parse_args()

    sizes = read_table(arguments.sizes, LEARNING_RATES)
    write(learning_rates_figure(sizes), sizes, arguments.output_dir, "learning_rates")


if __name__ == "__main__":
    run(main)
