"""Computes the paper's Table 3 anew from its measured sizes, and checks it: table3_published.csv.

Ends with an error, and writes nothing, when a published ratio or estimate is not reproduced.
"""

import argparse

from critical_batch.analysis.table3 import check_published, published_table
from critical_batch.runtime.errors import exit_cleanly
from critical_batch.runtime.files import write_text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", required=True, help="CSV file to write")
    arguments = parser.parse_args()
    table = published_table()
    check_published(table)
    write_text(arguments.output, table.to_csv(index=False))


if __name__ == "__main__":
    exit_cleanly(main)
