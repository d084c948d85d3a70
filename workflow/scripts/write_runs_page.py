"""Writes a page with all training jobs: how every seed ended, its steps and its cost."""

import argparse
from pathlib import Path

from ttur.errors import run
from ttur.files import write_text
from ttur.report.runs import runs_page
from ttur.runs.reading import read_run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs-file", type=Path, required=True, help="paths of run.json")
    parser.add_argument("--output", required=True, metavar="HTML", help="file to write")
    arguments = parser.parse_args()
    paths = arguments.runs_file.read_text().splitlines()
    write_text(arguments.output, runs_page(map(read_run, paths)))


if __name__ == "__main__":
    run(main)
