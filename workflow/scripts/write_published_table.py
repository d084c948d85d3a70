"""Computes the paper's Table 3 anew from its measured sizes, and checks it: table3_published.csv.

Ends with an error, and writes nothing, when a published ratio or estimate is not reproduced.
"""

import argparse

from ttur.errors import run
from ttur.files import write_text
from ttur.table3 import check_published, published_table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", required=True, help="CSV file to write")
    arguments = parser.parse_args()
    table = published_table()
    check_published(table)
    write_text(arguments.output, table.to_csv(index=False))


if __name__ == "__main__":
    run(main)
