"""Table 3 as markdown and LaTeX, and what its sizes do not say."""

from typing import Any

import pandas as pd

EMPTY = "\N{EN DASH}"
"""How an empty cell is set in markdown and LaTeX."""

_TEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
_TEX |= {character: f"\\{character}" for character in "&%$#_{}"}


def _size(value: Any) -> str:
    """A batch size as $2^k$, which markdown and LaTeX both set; EMPTY where there is none."""
    if pd.isna(value):
        return EMPTY
    value, exponent = int(value), int(value).bit_length() - 1
    if value != 2**exponent:
        return str(value)
    return f"$2^{exponent}$" if exponent < 10 else f"$2^{{{exponent}}}$"


def _rendered(table: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Header and cells of Table 3 as text, without markup but for the batch sizes."""
    header = ["Section", "Experiment", "Optimizer", "Measured", "Seeds", "Estimated", "Exact"]
    cells = []
    for row in table.itertuples():
        spread, exact = EMPTY, EMPTY
        if pd.notna(row.measured_low):
            spread = f"{_size(row.measured_low)} to {_size(row.measured_high)}"
        if pd.notna(row.estimated_exact):
            exact = f"{row.estimated_exact:.3f}"
        names = [row.section, row.experiment, row.optimizer]
        sizes = [_size(row.published_measured), _size(row.published_estimated)]
        cells.append([*names, _size(row.measured), spread, _size(row.estimated), exact, *sizes])
    return [*header, "Measured (paper)", "Estimated (paper)"], cells


def to_markdown(table: pd.DataFrame) -> str:
    """Table 3 as a markdown table. `Seeds`: smallest to largest of the seeds' own sizes."""
    header, cells = _rendered(table)
    rule = ["---"] * 3 + ["---:"] * (len(header) - 3)
    return "".join(f"| {' | '.join(line)} |\n" for line in [header, rule, *cells])


def notes(critical: pd.DataFrame) -> str:
    """Markdown list of the measured sizes that are bounds rather than minima; "" where none is.

    critical: the table critical.csv.
    """
    meaning = {
        "early": "another batch size reached the threshold at its first evaluation, so that its "
        "N(b) is only an upper bound, and it may be cheaper",
        "smallest": "the smallest batch size tried, the minimum may lie below",
        "largest": "the largest batch size tried, the minimum may lie above",
        "censored": "a batch size that did not arrive was stopped too early to exclude it",
    }
    lines = []
    for row in critical.itertuples():
        if pd.isna(row.critical_batch_size) and row.at_edge == "early":
            lines.append(
                f"- {row.experiment}, {row.optimizer}: the threshold was reached at the first "
                "evaluation, so that N(b) is known only from above: lower the threshold, or "
                "evaluate earlier (fid.grid.first)"
            )
        elif pd.isna(row.critical_batch_size):
            lines.append(f"- {row.experiment}, {row.optimizer}: the threshold was not reached")
        elif row.at_edge:
            lines.append(f"- {row.experiment}, {row.optimizer}: {meaning[row.at_edge]}")
    return "".join(f"{line}\n" for line in lines)


def to_latex(table: pd.DataFrame) -> str:
    r"""Table 3 as a LaTeX tabular (package booktabs), a \midrule between experiments."""
    header, cells = _rendered(table)
    lines = [rf"\begin{{tabular}}{{lll{'r' * (len(header) - 3)}}}", r"\toprule"]
    lines.append(" & ".join(header) + r" \\")
    previous = None
    for line in cells:
        if line[1] != previous:
            lines.append(r"\midrule")
        previous = line[1]
        names = ["".join(_TEX.get(character, character) for character in name) for name in line[:3]]
        lines.append(" & ".join(names + line[3:]) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"
