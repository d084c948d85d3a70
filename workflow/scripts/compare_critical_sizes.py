"""Puts every estimate beside the measured critical batch size: comparison.csv."""

import argparse

from critical_batch.analysis.comparison import comparison
from critical_batch.runtime.cli import json_value
from critical_batch.runtime.errors import exit_cleanly
from critical_batch.runtime.files import write_text
from critical_batch.tables.aggregate import CRITICAL
from critical_batch.tables.statistics import CRITICAL_INTERVALS
from critical_batch.tables.theory import CENSORED_FIT, ESTIMATES, NOISE_SCALE


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
        critical=CRITICAL.read(arguments.critical),
        estimates=ESTIMATES.read(arguments.estimates),
        noise=NOISE_SCALE.read(arguments.noise_scale),
        fitted=CENSORED_FIT.read(arguments.fit),
        intervals=CRITICAL_INTERVALS.read(arguments.intervals),
        experiments=arguments.experiments,
    )
    write_text(arguments.output, compared.to_csv(index=False))


if __name__ == "__main__":
    exit_cleanly(main)
