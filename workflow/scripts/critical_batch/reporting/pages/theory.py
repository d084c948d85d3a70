"""CSV files of the theory and the statistics as readable tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .html import cell, page, paragraph, table


@dataclass(frozen=True)
class Title:
    """What a page is called, in the list of the report too, and one or two sentences on it."""

    name: str
    text: str


TITLES = {
    "estimates": Title(
        "Estimates (Proposition 3.4)",
        "The ratio r = sigma^2 / eps^3 is calculated from the measured size of one optimizer; with "
        "it, the rate and the moment constants of another give that one's critical batch size.",
    ),
    "fit": Title(
        "Fit of N(b) (Theorem 3.2)",
        "Least squares of 1 / N(b) = intercept - slope / b over the batch sizes at which the "
        "majority of the seeds arrived; b* = 2 slope / intercept, and below slope / intercept, the "
        "pole, the threshold cannot be reached.",
    ),
    "censored_fit": Title(
        "Fit of N(b) to all seeds",
        "1 / N(b) = intercept - slope / b fitted to every seed; seeds that were stopped at the "
        "step limit count as later than it. b* = 2 slope / intercept; below the pole the threshold "
        "cannot be reached. Intervals: 95 %.",
    ),
    "noise_scale": Title(
        "Gradient noise scale",
        "tr(Sigma) / |G|^2 of the gradients of both players at several training times, measured "
        "without any sweep over batch sizes.",
    ),
    "comparison": Title(
        "Critical sizes compared",
        "Measured, estimated (Proposition 3.4), fitted (Theorem 3.2), and noise scale, with the "
        "published sizes where there are any.",
    ),
    "bootstrap": Title(
        "Steps and SFO with intervals",
        "Medians over seeds with 95 % bootstrap intervals; empty where the majority of the seeds "
        "did not arrive.",
    ),
    "critical_intervals": Title(
        "Measured sizes with intervals",
        "The measured critical batch size, its 95 % interval over resampled seeds, and the share "
        "of resamples with that minimum.",
    ),
    "threshold": Title(
        "Critical size against the threshold",
        "The critical batch size that the stored histories give at other thresholds: no new "
        "training. By the theory it grows as the threshold falls.",
    ),
    "fid_noise": Title(
        "Noise of the distance itself",
        "The same generator evaluated with other sample seeds.",
    ),
}
"""Tables of the report's category Theory, by name."""

_HEADINGS = {
    "batch_size": "b",
    "critical_batch_size": "b*",
    "critical_low": "b* from",
    "critical_high": "b* to",
    "estimated_exact": "exact estimate",
    "r_squared": "R\N{SUPERSCRIPT TWO}",
    "low": "from",
    "high": "to",
    "at_edge": "bound",
    "sd": "sd of the distance",
    "mean": "mean distance",
}
_NAMES = ("experiment", "section", "optimizer", "ratio_experiment", "ratio_optimizer", "player")
_NAMES += ("at_edge", "note")
_MANY = 9


def theory_page(title: Title, rows: Sequence[Mapping[str, str]]) -> str:
    """The page of one table. rows: as csv.DictReader gives them."""
    if not rows:
        return page(title.name, [paragraph(title.text), paragraph("No entries.", True)])
    columns = list(rows[0])
    headings = [_HEADINGS.get(name, name.replace("_", " ")) for name in columns]
    numbers = [h for h, name in zip(headings, columns, strict=True) if name not in _NAMES]
    cells = (
        [cell(row[name] if name in _NAMES else _number(row[name])) for name in columns]
        for row in rows
    )
    kind = "many" if len(columns) > _MANY else ""
    return page(title.name, [paragraph(title.text), table(headings, cells, numbers, kind=kind)])


def _number(text: str) -> str:
    """Numbers with four significant digits; whole numbers and words as they are."""
    try:
        value = float(text)
    except ValueError:
        return text
    if value != value:
        return ""
    return text if text.lstrip("-").isdigit() else f"{value:.4g}"
