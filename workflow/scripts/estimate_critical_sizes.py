"""Estimates critical batch sizes by Proposition 3.4, and fits N(b) of Theorem 3.2 to the steps."""

import argparse
import sys

from ttur.aggregate import CRITICAL, NETWORKS, STEPS, median_sfo
from ttur.arguments import json_value
from ttur.errors import run
from ttur.files import write_text
from ttur.tables import read_table
from ttur.theory import FIT, estimates, fit_table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("critical", "steps", "networks"):
        parser.add_argument(f"--{name}", required=True, metavar="CSV", help=f"{name}.csv to read")
    parser.add_argument(
        "--experiments",
        required=True,
        type=json_value,
        metavar="JSON",
        help="JSON or @FILE: [{name, section, ratio: {experiment, optimizer}, optimizers}]",
    )
    for name in ("estimates", "fit"):
        parser.add_argument(f"--{name}", required=True, metavar="CSV", help="file to write")
    arguments = parser.parse_args()

    critical = read_table(arguments.critical, CRITICAL)
    networks = read_table(arguments.networks, NETWORKS)
    fits = fit_table(median_sfo(read_table(arguments.steps, STEPS)))
    for row in fits[fits["note"] != ""].itertuples():
        print(f"{row.experiment} {row.optimizer}: fit of N(b): {row.note}", file=sys.stderr)
    estimated = estimates(critical, networks, arguments.experiments)
    write_text(arguments.estimates, estimated.to_csv(index=False))
    write_text(arguments.fit, fits[list(FIT)].to_csv(index=False))


if __name__ == "__main__":
    run(main)
