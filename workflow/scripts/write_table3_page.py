"""Writes Table 3 as a page: measured, estimated, published, and what was found in words."""

import argparse

from ttur.arguments import json_value
from ttur.errors import run
from ttur.files import write_text
from ttur.report.table3 import findings_table, table3_page
from ttur.tables.aggregate import CRITICAL, NETWORKS
from ttur.tables.results import TABLE3
from ttur.tables.theory import ESTIMATES


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
    run(main)
