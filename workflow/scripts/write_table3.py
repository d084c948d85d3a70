"""Writes Table 3, measured beside estimated beside published, as CSV, markdown and LaTeX."""

import argparse

from critical_batch.analysis.table3 import table3
from critical_batch.reporting.table3 import notes, to_latex, to_markdown
from critical_batch.runtime.cli import json_value
from critical_batch.runtime.errors import exit_cleanly
from critical_batch.runtime.files import write_text
from critical_batch.tables.aggregate import CRITICAL
from critical_batch.tables.theory import ESTIMATES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("critical", "estimates"):
        parser.add_argument(f"--{name}", required=True, metavar="CSV", help=f"{name}.csv to read")
    parser.add_argument(
        "--experiments",
        required=True,
        type=json_value,
        metavar="JSON",
        help="JSON or @FILE: [{name, section, optimizers}], in the order of the rows",
    )
    for name in ("csv", "md", "tex"):
        parser.add_argument(f"--{name}", required=True, metavar="FILE", help="file to write")
    arguments = parser.parse_args()

    critical = CRITICAL.read(arguments.critical)
    estimated = ESTIMATES.read(arguments.estimates)
    table = table3(critical, estimated, arguments.experiments)
    write_text(arguments.csv, table.to_csv(index=False))
    write_text(arguments.md, "\n".join(filter(None, [to_markdown(table), notes(critical)])))
    write_text(arguments.tex, to_latex(table))


if __name__ == "__main__":
    exit_cleanly(main)
