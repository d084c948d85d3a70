"""Puts every estimate beside the measured critical batch size: comparison.csv."""

import argparse

from ttur.aggregate import CRITICAL
from ttur.arguments import json_value
from ttur.comparison import FITTED, INTERVALS, comparison
from ttur.errors import run
from ttur.files import write_text
from ttur.noise_scale import NOISE_SCALE
from ttur.tables import read_table
from ttur.theory import ESTIMATES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("critical", "estimates", "noise-scale"):
        parser.add_argument(f"--{name}", required=True, metavar="CSV", help=f"{name}.csv to read")
    parser.add_argument("--fit", required=True, metavar="CSV", help="censored_fit.csv to read")
    parser.add_argument(
        "--intervals", required=True, metavar="CSV", help="statistics/critical.csv to read"
    )
    parser.add_argument(
        "--experiments", required=True, type=json_value, metavar="JSON", help="JSON or @FILE"
    )
    parser.add_argument("--output", required=True, metavar="CSV", help="file to write")
    arguments = parser.parse_args()
    compared = comparison(
        read_table(arguments.critical, CRITICAL),
        read_table(arguments.estimates, ESTIMATES),
        read_table(arguments.noise_scale, NOISE_SCALE),
        read_table(arguments.fit, FITTED),
        read_table(arguments.intervals, INTERVALS),
        arguments.experiments,
    )
    write_text(arguments.output, compared.to_csv(index=False))


if __name__ == "__main__":
    run(main)
