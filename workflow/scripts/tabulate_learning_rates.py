"""Critical batch sizes against the learning rate they were measured with: learning_rates.csv."""

import argparse

from critical_batch.analysis.comparison import rates_table
from critical_batch.runtime.cli import json_value
from critical_batch.runtime.errors import exit_cleanly
from critical_batch.runtime.files import write_text
from critical_batch.tables.theory import COMPARISON


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--comparison", required=True, metavar="CSV", help="file to read")
    parser.add_argument(
        "--experiments", required=True, type=json_value, metavar="JSON", help="JSON or @FILE"
    )
    parser.add_argument("--output", required=True, metavar="CSV", help="file to write")
    arguments = parser.parse_args()
    compared = COMPARISON.read(arguments.comparison)
    write_text(arguments.output, rates_table(compared, arguments.experiments).to_csv(index=False))


if __name__ == "__main__":
    exit_cleanly(main)
