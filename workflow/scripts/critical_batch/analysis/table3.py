"""Table 3, and its check against the paper, as tables."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ..runtime.errors import UserError
from ..tables.results import TABLE3, TABLE3_PUBLISHED
from .published import SECTIONS, Section
from .theory import lower_bound, nearest_power_of_two, ratio_from_measured


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
    """The paper's Table 3 computed anew from its measured sizes: the columns `TABLE3_PUBLISHED`.

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
    return TABLE3_PUBLISHED.frame(rows)


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
