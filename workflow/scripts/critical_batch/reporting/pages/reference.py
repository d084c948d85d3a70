"""The committed reference run: which of its files are kept, and Table 3 as the README shows it."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ...runtime.errors import UserError
from .html import EMPTY

KEPT = {
    "tables/table3.csv": "table3.csv",
    "aggregate/critical.csv": "critical.csv",
    "theory/estimates.csv": "estimates.csv",
    "manifest.json": "manifest.json",
}
"""File of results/ -> its name in the reference; beside them the README's picture and its data."""

BEGIN = "<!-- Table 3 of docs/reference, written by `make reference` -->"
END = "<!-- end of Table 3 -->"

_HEADER = ("section", "experiment", "optimizer", "measured", "seeds", "estimated", "exact")
_HEADER += ("measured (paper)", "estimated (paper)")


def readme_table(
    table3: pd.DataFrame,
    critical: pd.DataFrame,
    estimates: pd.DataFrame,
    titles: Mapping[str, str],
) -> str:
    """Markdown of Table 3. titles: name of an experiment -> how the table calls it.

    In italics the optimizer whose measurement gave the ratio of the estimates; `(bound)` where
    the minimum may lie elsewhere.
    """
    keys = ["experiment", "optimizer"]
    rows = table3.merge(critical[[*keys, "at_edge"]], how="left", on=keys).merge(
        estimates[[*keys, "ratio_experiment", "ratio_optimizer"]], how="left", on=keys
    )
    lines = [_HEADER, ["---"] * 3 + ["---:"] * (len(_HEADER) - 3)]
    previous = None
    for row in rows.to_dict("records"):
        lines.append(
            _cells(row, "" if row["experiment"] == previous else titles[row["experiment"]])
        )
        previous = row["experiment"]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cells(row: Mapping[str, Any], title: str) -> list[str]:
    measured, low, high = row["measured"], row["measured_low"], row["measured_high"]
    exact = row["estimated_exact"]
    source = (row["ratio_experiment"], row["ratio_optimizer"])
    own = source == (row["experiment"], row["optimizer"])
    bound = " (bound)" if pd.notna(row["at_edge"]) and row["at_edge"] else ""
    return [
        row["section"],
        title,
        f"*{row['optimizer']}*" if own else row["optimizer"],
        EMPTY if pd.isna(measured) else f"{measured}{bound}",
        EMPTY if pd.isna(low) else str(low) if low == high else f"{low} to {high}",
        _size(row["estimated"]),
        EMPTY if pd.isna(exact) else f"{exact:.3f}",
        _size(row["published_measured"]),
        _size(row["published_estimated"]),
    ]


def _size(value: Any) -> str:
    return EMPTY if pd.isna(value) else str(value)


def with_table(readme: str, table: str) -> str:
    """The README's text with this table between its two marks; UserError where they are not."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise UserError(f"the README lacks {BEGIN!r} or, after it, {END!r}: put them back")
    return f"{before}{BEGIN}\n{table}{END}{after}"
