"""Writes docs/tables.md, the page of all tables, from their contracts."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "workflow/scripts"))

from critical_batch.tables.contract import Table  # noqa: E402
from critical_batch.tables.every import TABLES  # noqa: E402

PAGE = ROOT / "docs/tables.md"

INTRODUCTION = """\
# Tables

Every CSV file that one stage of the workflow hands to another or to people, with its columns in
their order. `python docs/write_tables.py` writes this page from
`workflow/scripts/critical_batch/tables`, where the columns are declared. Words in braces in a
path stand for several files.

A cell is empty where its number is infinite or unknown; a column whose cells may be empty says so.
What the numbers mean and how sure they are is in [statistics.md](statistics.md).
"""

TYPES = {
    "str": "text",
    "bool": "True or False",
    "boolean": "True, False or empty",
    "int64": "whole number",
    "Int64": "whole number or empty",
    "float64": "number or empty",
}


def page() -> str:
    """The text of the page."""
    return "\n".join([INTRODUCTION, *map(section, TABLES)])


def section(table: Table) -> str:
    """A heading, the path, and a row per column."""
    lines = [
        f"## {plain(table.name)}\n",
        f"`{table.path}`. A row is {plain(table.rows)}.\n",
        "| column | type | unit | meaning |",
        "|---|---|---|---|",
    ]
    for name, column in table.columns.items():
        cells = (f"`{name}`", TYPES[column.dtype], column.unit, plain(column.meaning))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def plain(text: str) -> str:
    """Text in which markdown sees no markup."""
    return text.replace("|", r"\|").replace("*", r"\*")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
