"""Writes a page with all training jobs: how every seed ended, its steps and its cost."""

import argparse
from pathlib import Path

from critical_batch.reporting.pages.runs import runs_page
from critical_batch.runs.reading import read_run
from critical_batch.runtime.errors import exit_cleanly
from critical_batch.runtime.files import write_text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs-file", type=Path, required=True, help="paths of run.json")
    parser.add_argument("--output", required=True, metavar="HTML", help="file to write")
    arguments = parser.parse_args()
    paths = arguments.runs_file.read_text().splitlines()
    write_text(arguments.output, runs_page(map(read_run, paths)))


if __name__ == "__main__":
    exit_cleanly(main)
