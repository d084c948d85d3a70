"""Writes Table 3 as a page: measured, estimated, published, and what was found in words."""

import argparse

from critical_batch.reporting.pages.table3 import findings_table, table3_page
from critical_batch.runtime.cli import json_value
from critical_batch.runtime.errors import exit_cleanly
from critical_batch.runtime.files import write_text
from critical_batch.tables.aggregate import CRITICAL, NETWORKS
from critical_batch.tables.results import TABLE3
from critical_batch.tables.theory import ESTIMATES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("table3", "critical", "estimates", "networks"):
        parser.add_argument(f"--{name}", required=True, metavar="CSV", help=f"{name}.csv to read")
    parser.add_argument(
        "--experiments",
        required=True,
        type=json_value,
        metavar="JSON",
        help="JSON or @FILE: [{name, section, title}], in the order of the page",
    )
    parser.add_argument("--output", required=True, metavar="HTML", help="file to write")
    arguments = parser.parse_args()

    rows = findings_table(
        TABLE3.read(arguments.table3),
        CRITICAL.read(arguments.critical),
        ESTIMATES.read(arguments.estimates),
    )
    networks = NETWORKS.read(arguments.networks)
    write_text(arguments.output, table3_page(rows, networks, arguments.experiments))


if __name__ == "__main__":
    exit_cleanly(main)
