"""Draws the critical batch size against the learning rate: learning_rates.{pdf,png,csv}."""

import argparse
from pathlib import Path

from ttur.errors import run
from ttur.figures.learning_rates import learning_rates_figure
from ttur.style import write
from ttur.tables.theory import LEARNING_RATES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", required=True, metavar="CSV", help="learning_rates.csv to read")
    parser.add_argument("--output-dir", required=True, type=Path, metavar="FOLDER")
    arguments = parser.parse_args()

    sizes = LEARNING_RATES.read(arguments.sizes, floats=True)
    write(learning_rates_figure(sizes), sizes, arguments.output_dir, "learning_rates")


if __name__ == "__main__":
    run(main)
