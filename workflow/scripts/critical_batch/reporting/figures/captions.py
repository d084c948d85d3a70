"""What the caption of a figure tells, as reStructuredText: its own sentences, then numbers.

The numbers of an experiment are those of `reporting.caption_numbers`.
"""

from collections.abc import Iterable, Mapping
from typing import Any


def caption(sentences: str, parts: Iterable[str]) -> str:
    """A figure's own sentences, then a part for each experiment."""
    return "\n\n".join([sentences, *parts])


def settings(numbers: Mapping[str, Any]) -> str:
    """What was trained and how: a paragraph on one experiment."""
    return (
        "**{title}** (section {section}): {seeds}, b = {batch_sizes}, threshold {metric} "
        "{threshold}, at most {step_limit} steps."
    ).format_map(numbers)


def fid_samples(numbers: Mapping[str, Any]) -> str:
    """The settings, and of how many samples each distance is."""
    return settings(numbers) + " Each {metric} is of {samples} samples{first_look}.".format_map(
        numbers
    )


def fid_noise(numbers: Mapping[str, Any]) -> str:
    """The settings, and the standard deviation of the distance where it is known."""
    known = " Standard deviation {sd} at {samples} samples." if numbers["sd"] else ""
    return settings(numbers) + known.format_map(numbers)


def critical_sizes(numbers: Mapping[str, Any]) -> str:
    """The settings, and a list of the optimizers with their critical batch sizes."""
    return "\n\n".join([settings(numbers), *map(_critical_size, numbers["optimizers"])])


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
