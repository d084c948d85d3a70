"""Table 3 as a page: measured, estimated and published sizes, and what they say."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ..table3_sentences import SENTENCE_KINDS, finding
from .html import cell, heading, page, paragraph, table, tag

_HEADINGS = (
    "Optimizer",
    "Measured",
    "Seeds alone",
    "Estimated",
    "Paper measured",
    "Paper estimated",
    "What was found",
)

_INTRODUCTION = (
    "The critical batch size is the one that needs the fewest gradient evaluations (SFO = b N(b)) "
    "to reach the threshold. Measured: the minimum of the median over seeds. Seeds alone: smallest "
    "to largest of the minima of single seeds. Estimated: Proposition 3.4, rounded to a power of "
    "two, or to the nearest size tried where others than powers of two were tried (in brackets: "
    "before that), with the ratio measured from one optimizer. The paper's sizes are those of its "
    "own data, networks and FID."
)


def findings_table(
    table3: pd.DataFrame, critical: pd.DataFrame, estimates: pd.DataFrame
) -> pd.DataFrame:
    """Table 3 with at_edge, seeds, seeds_reached, is_source, and the finding: kind, sentence.

    One row per row of table3.csv, in its order; the others are critical.csv and estimates.csv.
    """
    keys = ["experiment", "optimizer"]
    sources = estimates[[*keys, "ratio_experiment", "ratio_optimizer"]]
    rows = table3.merge(
        critical[[*keys, "at_edge", "seeds", "seeds_reached"]], how="left", on=keys
    ).merge(sources, how="left", on=keys)
    rows["at_edge"] = rows["at_edge"].fillna("")
    rows["seeds"] = rows["seeds"].fillna(0).astype(int)
    rows["is_source"] = (rows["experiment"] == rows["ratio_experiment"]) & (
        rows["optimizer"] == rows["ratio_optimizer"]
    )
    found = [finding(row) for row in rows.to_dict("records")]
    return rows.assign(kind=[f.kind for f in found], sentence=[f.sentence for f in found])


def table3_page(
    rows: pd.DataFrame, networks: pd.DataFrame, experiments: Sequence[Mapping[str, Any]]
) -> str:
    """The page. rows: from `findings_table`. networks: networks.csv. experiments: their records."""
    body = [paragraph(_INTRODUCTION)]
    metrics = networks.set_index("experiment")
    for record in experiments:
        own = rows[rows["experiment"] == record["name"]]
        body.append(heading(f"{record['section']} {record['title']}"))
        if record["name"] in metrics.index:
            about = metrics.loc[record["name"]]
            body.append(paragraph(f"Threshold: {about['metric']} {about['threshold']:g}.", True))
        body.append(
            table(_HEADINGS, map(_cells, own.to_dict("records")), _HEADINGS[1:6], _HEADINGS[6:])
        )
    return page("Table 3: critical batch sizes", body)


def _cells(row: Mapping[str, Any]) -> list[str]:
    low, high, exact = row["measured_low"], row["measured_high"], row["estimated_exact"]
    return [
        cell(row["optimizer"]),
        cell(_size(row["measured"])),
        cell("" if pd.isna(low) else str(low) if low == high else f"{low} to {high}"),
        cell(_size(row["estimated"]) if pd.isna(exact) else f"{row['estimated']} ({exact:.3g})"),
        cell(_size(row["published_measured"])),
        cell(_size(row["published_estimated"])),
        tag(row["kind"], SENTENCE_KINDS[row["kind"]]) + cell(row["sentence"]),
    ]


def _size(value: Any) -> str:
    return "" if pd.isna(value) else str(value)
