"""Estimates critical batch sizes by Proposition 3.4, and fits N(b) of Theorem 3.2 to the steps.

The fit is made twice: to the medians of the batch sizes that arrived, and to every seed with those
that did not arrive as censored observations.
"""

import argparse
import sys

from critical_batch.analysis.aggregate import median_sfo
from critical_batch.analysis.censored_fit import censored_fit_table
from critical_batch.analysis.theory import estimates, fit_table
from critical_batch.runtime.cli import json_value
from critical_batch.runtime.errors import exit_cleanly
from critical_batch.runtime.files import write_text
from critical_batch.tables.aggregate import CRITICAL, NETWORKS, STEPS
from critical_batch.tables.theory import FIT


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
    for name in ("estimates", "fit", "censored-fit"):
        parser.add_argument(f"--{name}", required=True, metavar="CSV", help="file to write")
    arguments = parser.parse_args()

    critical = CRITICAL.read(arguments.critical)
    networks = NETWORKS.read(arguments.networks)
    steps = STEPS.read(arguments.steps)
    fits, censored = fit_table(median_sfo(steps)), censored_fit_table(steps)
    for what, table in (("fit", fits), ("fit to all seeds", censored)):
        for row in table[table["note"] != ""].itertuples():
            print(f"{row.experiment} {row.optimizer}: {what} of N(b): {row.note}", file=sys.stderr)
    estimated = estimates(critical, networks, arguments.experiments)
    write_text(arguments.estimates, estimated.to_csv(index=False))
    write_text(arguments.fit, fits[list(FIT.columns)].to_csv(index=False))
    write_text(arguments.censored_fit, censored.to_csv(index=False))


if __name__ == "__main__":
    exit_cleanly(main)
