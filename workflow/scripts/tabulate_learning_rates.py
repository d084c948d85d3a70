"""Critical batch sizes against the learning rate they were measured with: learning_rates.csv."""

import argparse

from ttur.arguments import json_value
from ttur.comparison import rates_table
from ttur.errors import run
from ttur.files import write_text
from ttur.tables.theory import COMPARISON


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
    run(main)
