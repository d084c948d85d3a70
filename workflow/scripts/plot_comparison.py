"""Draws figures of all experiments together, from tables.

Writes NAME.{pdf,png,csv} of each into a folder.
"""

import argparse
from pathlib import Path

from critical_batch.reporting.figures import drawing
from critical_batch.runtime.errors import exit_cleanly


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    drawing.add_figures(parser)
    drawing.add_tables(parser)
    parser.add_argument("--output-dir", required=True, type=Path, metavar="FOLDER")
    arguments = parser.parse_args()

    tables = drawing.read_tables(arguments.names, arguments.tables)
    drawing.draw_figures(arguments.figures, arguments.output_dir, tables)


if __name__ == "__main__":
    exit_cleanly(main)
