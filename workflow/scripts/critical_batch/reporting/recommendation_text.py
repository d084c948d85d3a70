"""The recommendation in plain words, as markdown."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ..data.few_images import singular_reference
from ..metrics.features.kinds import FEATURE_NETWORKS
from ..optimizers import OPTIMIZERS

_SURE = {
    "try a lower threshold": "other batch sizes arrived at their first evaluation, so one of them "
    "may be cheaper. Lower the threshold, or evaluate earlier (`fid.grid.first`).",
    "not reached": "give it more steps, other batch sizes or rates, or a higher threshold.",
    "one batch size": "it is the only batch size tried. Try smaller and larger ones.",
    "try smaller": "it is the smallest batch size tried, the minimum may lie below. Try smaller.",
    "try larger": "it is the largest batch size tried, the minimum may lie above. Try larger.",
    "try more steps": "a batch size that did not arrive was stopped too early to be excluded. "
    "Give it more steps (`limits`).",
    "low": "not very.",
    "fair": "fairly.",
    "high": "very.",
}


def recommendation_text(
    table: pd.DataFrame,
    cost: pd.DataFrame,
    intervals: pd.DataFrame,
    others: pd.DataFrame,
    networks: pd.DataFrame,
    experiments: Sequence[Mapping[str, Any]],
) -> str:
    """recommendation.md: a section per experiment, a paragraph per optimizer.

    table: recommendation.csv. cost: from `analysis.recommendation.costs`. intervals:
    statistics/critical.csv. others: other_optimizers.csv. networks: networks.csv.
    experiments: records `{name, title, section, features}`, in the order of the sections.
    """
    parts = [
        "# Which batch size?\n",
        "N is the number of training steps until the threshold, median over seeds; one gradient "
        "evaluation is one image in one step. Times are those of this run's machine, with all jobs "
        "that ran beside each other, and seeds of a group trained together.\n",
    ]
    for record in experiments:
        rows = table[table["experiment"] == record["name"]]
        about = networks[networks["experiment"] == record["name"]]
        if rows.empty or about.empty:
            continue
        first = about.iloc[0]
        parts.append(f"## {record['title']} (`{record['name']}`)\n")
        parts.append(
            f"Until {first['metric']} <= {first['threshold']:g}, on {first['images']:,} images.\n"
        )
        dimensions = FEATURE_NETWORKS[record["features"]].dimensions
        if few := singular_reference(first["images"], dimensions):
            parts.append(f"**Few images:** {few}.\n")
        for row in rows.itertuples():
            own = (cost["experiment"] == row.experiment) & (cost["optimizer"] == row.optimizer)
            support = (intervals["experiment"] == row.experiment) & (
                intervals["optimizer"] == row.optimizer
            )
            parts.append(f"### {row.optimizer}\n")
            parts.append(_answers(row, cost[own].set_index("batch_size"), intervals[support]))
        parts.append(_others(others[others["experiment"] == record["name"]]))
    return "\n".join(filter(None, parts))


def _answers(row: Any, cost: pd.DataFrame, interval: pd.DataFrame) -> str:
    """The three answers and how sure they are, as a markdown list."""
    if row.certainty == "not reached":
        tried = ", ".join(map(str, cost.index))
        return (
            f"- No answer: at no batch size tried ({tried}) did most seeds arrive; "
            f"{_SURE['not reached']}\n"
        )
    smallest = f"- Smallest that arrives: b = {row.smallest_reaching}{_missed(row, cost)}."
    if pd.isna(row.fewest_gradients):
        return "\n".join([_only_bounds(cost), _first_to_finish(row, cost), smallest]) + "\n"
    best = cost.loc[row.fewest_gradients]
    at_most = "at most " if best["upper_bound"] else ""
    lines = [
        f"- **Fewest gradient evaluations: b = {row.fewest_gradients}**"
        f"{_spread(row, best, interval)}: {at_most}{best['median_sfo']:,.0f} evaluations, "
        f"N = {at_most}{best['median_steps']:,.0f}.",
        _first_to_finish(row, cost),
        smallest,
        f"- How sure: {_SURE[row.certainty]}{_early(row, cost)}{_reasons(row, best, interval)}",
    ]
    return "\n".join(lines) + "\n"


def _only_bounds(cost: pd.DataFrame) -> str:
    """What is known where the order of the batch sizes comes from the evaluation grid alone."""
    seen = _undercutting(cost)["median_steps"]
    bounds = ", ".join(f"{b} (at most {n:,.0f})" for b, n in seen.items())
    return (
        "- No answer: these batch sizes were at or below the threshold when they were evaluated "
        f"for the first time, so their N is known only from above: b = {bounds}. Which of them is "
        "the cheapest cannot be told. Lower the threshold, or evaluate earlier (`fid.grid.first`)."
    )


def _undercutting(cost: pd.DataFrame) -> pd.DataFrame:
    """The batch sizes known from above only that may be the cheapest."""
    may_be = cost["least_steps"] * cost.index < cost["median_sfo"].min()
    return cost[cost["upper_bound"] & may_be]


def _spread(row: Any, best: pd.Series, interval: pd.DataFrame) -> str:
    if row.certainty == "one batch size":
        return ""
    if best["seeds"] < 2:
        return " (one seed: no interval)"
    if pd.isna(row.fewest_low):
        return ""
    kind = "range over seeds" if interval.empty else "95 % interval"
    if pd.isna(row.fewest_high):
        return f" ({kind} at least {row.fewest_low:g})"
    return f" ({kind} {row.fewest_low:g} to {row.fewest_high:g})"


def _first_to_finish(row: Any, cost: pd.DataFrame) -> str:
    if pd.isna(row.finishes_first):
        return (
            "- First to finish here: cannot be told, because batch sizes whose N is known only "
            "from above may take less time."
        )
    quick = cost.loc[row.finishes_first]
    at_most = "at most " if quick["upper_bound"] else ""
    return (
        f"- **First to finish here: b = {row.finishes_first}**: {at_most}{_time(row.seconds)} "
        f"per seed on {quick['device']}{_against(row, cost, quick)}."
    )


def _early(row: Any, cost: pd.DataFrame) -> str:
    """Which other batch sizes are known from above only, where that makes the answer unsure."""
    if row.certainty != "try a lower threshold":
        return ""
    return f" These are b = {', '.join(map(str, _undercutting(cost).index))}."


def _against(row: Any, cost: pd.DataFrame, quick: pd.Series) -> str:
    if pd.isna(row.fewest_gradients) or row.finishes_first == row.fewest_gradients:
        return ""
    best = cost.loc[row.fewest_gradients]
    return (
        f", against {_time(best['seconds'])} at b = {row.fewest_gradients}, for "
        f"{quick['median_sfo'] / best['median_sfo']:.1f} times the evaluations"
    )


def _missed(row: Any, cost: pd.DataFrame) -> str:
    """Which smaller batch sizes did not arrive, with their seeds."""
    below = cost[cost.index < row.smallest_reaching]
    if below.empty:
        return ", the smallest tried"
    missed = [
        f"b = {b} did not ({each['seeds_reached']} of {each['seeds']} seeds)"
        for b, each in below.iterrows()
    ]
    return "; " + ", ".join(missed)


def _reasons(row: Any, best: pd.Series, interval: pd.DataFrame) -> str:
    seeds = f"{best['seeds_reached']} of {best['seeds']} seeds arrived at this batch size"
    if best["seeds"] < 2:
        return f" {seeds}: one seed has no interval. Run three or more."
    # No interval, or none with an answer; of one batch size every resample has it as minimum.
    if interval["support"].isna().all() or row.certainty == "one batch size":
        return f" {seeds}."
    drawn = interval.iloc[0]
    share = f"{drawn['support']:.0%} of {drawn['resamples']:,} resamples of the seeds"
    return f" {seeds}; {share} have it as minimum."


def _others(others: pd.DataFrame) -> str:
    """What Proposition 3.4 says about optimizers that were not trained; empty where none is."""
    if others.empty:
        return ""
    first = others.iloc[0]
    lines = [
        "### Optimizers not trained\n",
        f"Proposition 3.4 with the ratio measured from {first['ratio_optimizer']} of "
        f"`{first['ratio_experiment']}`, the generator's rate {first['generator_rate']:g} of "
        f"{first['rate_optimizer']} and default hyper-parameters. "
        "In proportion to the rate.\n",
        "| optimizer | estimated | exact |",
        "|---|---:|---:|",
    ]
    for row in others.itertuples():
        if pd.notna(row.estimated):
            lines.append(f"| {row.optimizer} | {row.estimated} | {row.estimated_exact:.3f} |")
        else:
            no_bound = OPTIMIZERS[row.optimizer].scale is None
            why = "the theory gives no bound" if no_bound else "no ratio was measured"
            lines.append(f"| {row.optimizer} | unavailable: {why} | |")
    return "\n".join(lines) + "\n"


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.3g} min" if seconds < 7200 else f"{seconds / 3600:.3g} h"
