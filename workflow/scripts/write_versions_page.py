"""Writes what produced the results as a page: code, machine, packages."""

import argparse

from critical_batch.reporting.pages.versions import versions_page
from critical_batch.runtime.errors import exit_cleanly
from critical_batch.runtime.files import read_json, write_text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--manifest", required=True, metavar="JSON", help="file to read")
    parser.add_argument("--output", required=True, metavar="HTML", help="file to write")
    arguments = parser.parse_args()
    write_text(arguments.output, versions_page(read_json(arguments.manifest)))


if __name__ == "__main__":
    exit_cleanly(main)
