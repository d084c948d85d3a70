"""Table 3, its check against the paper, and its renderings."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from .errors import UserError
from .published import SECTIONS, Section
from .tables.results import PUBLISHED, TABLE3
from .theory import lower_bound, nearest_power_of_two, ratio_from_measured

EMPTY = "\N{EN DASH}"
"""How an empty cell is set in markdown and LaTeX."""

_TEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
_TEX |= {character: f"\\{character}" for character in "&%$#_{}"}


def table3(
    critical: pd.DataFrame,
    estimates: pd.DataFrame,
    experiments: Sequence[Mapping[str, Any]],
    published: Mapping[str, Section] = SECTIONS,
) -> pd.DataFrame:
    """Measured beside estimated beside published: the columns `TABLE3`.

    One row per experiment and optimizer, in the order of `experiments` (records `{name, section,
    optimizers}`). What was not measured, not estimated or not published is empty.
    """
    rows = []
    for record in experiments:
        section = str(record["section"])
        settings = published[section].settings if section in published else {}
        for optimizer in record["optimizers"]:
            row = {"section": section, "experiment": record["name"], "optimizer": optimizer}
            if optimizer in settings:
                row["published_measured"] = settings[optimizer].measured
                row["published_estimated"] = settings[optimizer].estimated
            rows.append(row)
    keys = ["experiment", "optimizer"]
    measured = critical[[*keys, "critical_batch_size", "low", "high"]].set_axis(
        [*keys, "measured", "measured_low", "measured_high"], axis="columns"
    )
    published_columns = ["published_measured", "published_estimated"]
    return TABLE3.frame(
        pd.DataFrame(rows, columns=["section", *keys, *published_columns])
        .merge(measured, how="left", on=keys, validate="one_to_one")
        .merge(
            estimates[[*keys, "estimated", "estimated_exact"]],
            how="left",
            on=keys,
            validate="one_to_one",
        )
    )


def published_table(published: Mapping[str, Section] = SECTIONS) -> pd.DataFrame:
    """The paper's Table 3 computed anew from its measured sizes: the columns `PUBLISHED`.

    The ratio is calculated from the measured size that the section names and not rounded, so 4.1
    AdaBelief is 48, halfway between 32 and 64; the paper rounds the ratio down to 788.7 first and
    has 47.998. Both give 32.
    """
    rows = []
    for name, section in published.items():
        source = published[section.ratio_section]
        setting = source.settings[section.ratio_optimizer]
        ratio = ratio_from_measured(
            setting.measured,
            section.ratio_optimizer,
            setting.generator_rate,
            setting.hyper,
            source.generator_parameters,
            source.images,
        )
        for optimizer, setting in section.settings.items():
            exact = lower_bound(
                ratio,
                optimizer,
                setting.generator_rate,
                setting.hyper,
                section.generator_parameters,
                section.images,
            )
            estimate = nearest_power_of_two(exact)
            cells = (setting.measured, setting.estimated, exact, estimate)
            rows.append((name, optimizer, ratio, *cells))
    return PUBLISHED.frame(rows)


def check_published(table: pd.DataFrame, published: Mapping[str, Section] = SECTIONS) -> None:
    """Raises UserError unless `published_table` reproduces every published ratio and estimate.

    Ratios: 788.7 as printed, and 530303.8 to one unit of its sixth digit (`ratio_tolerance`).
    """
    for row in table.itertuples():
        cell = f"Table 3, {row.section} {row.optimizer}"
        section = published[row.section]
        if not abs(row.ratio - section.ratio) <= section.ratio_tolerance:
            raise UserError(
                f"{cell}: ratio {row.ratio:.8g}, published {section.ratio}: "
                "check the settings in published.py"
            )
        if row.reproduced_estimate != row.published_estimated:
            raise UserError(
                f"{cell}: estimate {row.reproduced_estimate} ({row.reproduced_exact:.6g}), "
                f"published {row.published_estimated}: check the settings in published.py"
            )


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
