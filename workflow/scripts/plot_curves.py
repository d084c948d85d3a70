"""Draws figures of one experiment that come from tables.

Writes NAME.{pdf,png,csv} of each into a folder.
"""

import argparse

from critical_batch.reporting.figures import drawing
from critical_batch.runtime.errors import UserError, exit_cleanly


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    drawing.add_figures(parser)
    drawing.add_tables(parser)
    drawing.add_label(parser)
    arguments = parser.parse_args()

    tables = {
        name: table[table["experiment"] == arguments.experiment]
        for name, table in drawing.read_tables(arguments.names, arguments.tables).items()
    }
    if all(table.empty for table in tables.values()):
        raise UserError(f"{arguments.tables[0]} lacks {arguments.experiment}: check --experiment")
    label = drawing.label_of(arguments)
    drawing.draw_figures(arguments.figures, arguments.output_dir, tables, label)


if __name__ == "__main__":
    exit_cleanly(main)
