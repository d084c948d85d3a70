"""What a row of Table 3 says, in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

SENTENCE_KINDS = {
    "agrees": "good",
    "within a factor of two": "fair",
    "differs": "poor",
    "bound": "plain",
    "source of the ratio": "plain",
    "no estimate": "plain",
    "not reached": "poor",
    "only upper bounds": "poor",
}
"""The kinds of findings, and how a page colours them (`html.tag`)."""

_EDGES = {
    "smallest": "{b} is the smallest batch size tried, so the minimum may lie below it",
    "largest": "{b} is the largest batch size tried, so the minimum may lie above it",
    "early": "another batch size reached the threshold at its first evaluation and may be cheaper, "
    "so {b} is provisional",
    "censored": "a batch size that did not arrive was stopped too early to be excluded, "
    "so {b} is provisional",
}


@dataclass(frozen=True)
class Finding:
    """kind: one of KINDS. sentence: one or two, on measured and estimated; the paper's last."""

    kind: str
    sentence: str


def finding(row: Mapping[str, Any]) -> Finding:
    """What one row found.

    row: the columns of table3.csv; at_edge, seeds and seeds_reached of critical.csv; is_source,
    whether the ratio of the estimates was taken from this very measurement. Sizes are in images,
    NA where there is none.
    """
    kind, sentence = _found(row)
    sentence += _raised(row)
    return Finding(kind, f"{sentence[0].upper()}{sentence[1:]}.{_published(row)}")


def _found(row: Mapping[str, Any]) -> tuple[str, str]:
    measured, estimated = row["measured"], row["estimated"]
    if pd.isna(measured):
        early = row["at_edge"] == "early"
        sentence = (
            "the threshold was reached at the first evaluation, so N(b) is known only from above "
            "and the cheapest batch size is not known"
            if early
            else "at no batch size did the majority of the seeds reach the threshold"
        )
        if pd.notna(estimated):
            sentence += f", so the estimate of {estimated} remains untested"
        return "only upper bounds" if early else "not reached", sentence
    edge = _EDGES.get(row["at_edge"], "").format(b=measured)
    if pd.isna(estimated):
        words = edge or f"the measured size is {measured}{_spread(row)}"
        return "no estimate", f"{words}; there is no estimate to compare it with"
    if row["is_source"]:
        words = "the ratio was measured here, so that the estimate agrees is no test"
        return "source of the ratio", f"{words}; {edge or f'the size is {measured}{_spread(row)}'}"
    if edge:
        return "bound", f"{edge}; the estimate of {estimated} {_against_bound(row)}"
    if measured == estimated:
        return "agrees", f"measured and estimated agree: {measured}{_spread(row)}"
    factor = _factor(measured, estimated)
    side = "larger" if estimated > measured else "smaller"
    words = f"the estimate of {estimated} is {_times(factor)} {side} than the measured {measured}"
    kind = "within a factor of two" if factor <= 2 else "differs"
    return kind, words + _spread(row, estimated)


def _against_bound(row: Mapping[str, Any]) -> str:
    """Whether the estimate is compatible with a measured size that is a bound."""
    measured, estimated = row["measured"], row["estimated"]
    if row["at_edge"] in ("censored", "early"):
        if measured == estimated:
            return "equals it"
        side = "larger" if estimated > measured else "smaller"
        return f"is {_times(_factor(measured, estimated))} {side}"
    compatible = estimated <= measured if row["at_edge"] == "smallest" else estimated >= measured
    if compatible:
        return "is compatible with that"
    return f"is not compatible with that, by {_times(_factor(measured, estimated), bare=True)}"


def _spread(row: Mapping[str, Any], estimated: Any = None) -> str:
    """The range of the seeds' own cheapest sizes, and where an estimate lies in it."""
    low, high = row["measured_low"], row["measured_high"]
    if pd.isna(low) or row["seeds"] < 2:
        return ""
    if low == high:
        return f", as for every seed alone ({row['seeds']})"
    words = f"{row['seeds']} seeds alone: {low} to {high}"
    if estimated is None:
        return f" ({words})"
    return f" ({words}, which {'includes' if low <= estimated <= high else 'excludes'} it)"


def _raised(row: Mapping[str, Any]) -> str:
    """An exact estimate below one image is raised to it, which hides how far off it is."""
    exact = row["estimated_exact"]
    if pd.isna(exact) or exact > 1 - 1e-9 or pd.isna(row["measured"]):
        return ""
    return f"; before it was raised to one image the estimate is {exact:.2g}"


def _published(row: Mapping[str, Any]) -> str:
    measured, estimated = row["published_measured"], row["published_estimated"]
    if pd.isna(measured):
        return ""
    if measured == estimated:
        return f" The paper measured and estimated {measured}."
    factor = _times(_factor(measured, estimated), bare=True)
    return f" The paper measured {measured} and estimated {estimated}, {factor} apart."


def _factor(a: float, b: float) -> float:
    return max(a / b, b / a)


def _times(factor: float, bare: bool = False) -> str:
    """`a factor of two`, or `four times` where a comparison follows; numbers from ten as digits."""
    names = {2: "two", 4: "four", 8: "eight"}
    number = names.get(factor, f"{factor:.3g}")
    return f"a factor of {number}" if bare or factor <= 2 else f"{number} times"
