"""Writes a page with all data sets: classes and counts, and what was not used and why."""

import argparse
from pathlib import Path

from critical_batch.reporting.pages.data import data_page
from critical_batch.runtime.cli import json_value
from critical_batch.runtime.errors import exit_cleanly
from critical_batch.runtime.files import read_json, write_text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--manifests", type=Path, nargs="+", required=True, help="of packed data")
    parser.add_argument(
        "--features", type=json_value, required=True, help="JSON or @file: data set -> networks"
    )
    parser.add_argument("--output", required=True, metavar="HTML", help="file to write")
    arguments = parser.parse_args()
    write_text(arguments.output, data_page(map(read_json, arguments.manifests), arguments.features))


if __name__ == "__main__":
    exit_cleanly(main)
