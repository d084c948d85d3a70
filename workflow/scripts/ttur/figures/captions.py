"""What the caption of a figure tells, as reStructuredText: its own sentences, then numbers.

The facts of an experiment are those of `report.facts`.
"""

from collections.abc import Iterable, Mapping
from typing import Any


def caption(sentences: str, parts: Iterable[str]) -> str:
    """A figure's own sentences, then a part for each experiment."""
    return "\n\n".join([sentences, *parts])


def settings(facts: Mapping[str, Any]) -> str:
    """What was trained and how: a paragraph on one experiment."""
    return (
        "**{title}** (section {section}): {seeds}, b = {batch_sizes}, threshold {metric} "
        "{threshold}, at most {step_limit} steps."
    ).format_map(facts)


def fid_samples(facts: Mapping[str, Any]) -> str:
    """The settings, and of how many samples each distance is."""
    return settings(facts) + " Each {metric} is of {samples} samples{first_look}.".format_map(facts)


def fid_noise(facts: Mapping[str, Any]) -> str:
    """The settings, and the standard deviation of the distance where it is known."""
    known = " Standard deviation {sd} at {samples} samples." if facts["sd"] else ""
    return settings(facts) + known.format_map(facts)


def critical_sizes(facts: Mapping[str, Any]) -> str:
    """The settings, and a list of the optimizers with their critical batch sizes."""
    return "\n\n".join([settings(facts), *map(_critical_size, facts["optimizers"])])


def _critical_size(optimizer: Mapping[str, str]) -> str:
    """One optimizer: measured, estimated and fitted, so far as there is a number."""
    text = "- {name}: critical batch size "
    if optimizer["measured"]:
        bound = "; {bound}" if optimizer["bound"] else ""
        text += "{measured} (single seeds: {range}; {arrived} arrived there" + bound + ")"
    else:
        text += "{unmeasured}"
    text += ", estimated {estimated}" if optimizer["estimated"] else ""
    text += ", fitted {fitted}, pole {pole}" if optimizer["fitted"] else ""
    return text.format_map(optimizer)
