"""Every estimate of a critical batch size beside the measured one, as pure functions.

Learning rates: the same, by the rate that an experiment trained with.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ..tables.theory import COMPARISON, LEARNING_RATES
from .noise_scale import latest
from .published import SECTIONS, Section
from .table3 import table3

_KEYS = ["experiment", "optimizer"]


def comparison(
    *,
    critical: pd.DataFrame,
    estimates: pd.DataFrame,
    noise: pd.DataFrame,
    fitted: pd.DataFrame,
    intervals: pd.DataFrame,
    experiments: Sequence[Mapping[str, Any]],
    published: Mapping[str, Section] = SECTIONS,
) -> pd.DataFrame:
    """The columns `COMPARISON`, one row per experiment and optimizer, in the order of the records.

    critical, estimates, noise: critical.csv, estimates.csv, noise_scale.csv. fitted, intervals:
    censored_fit.csv and statistics/critical.csv, which may be empty. experiments: records
    `{name, section, optimizers}`. What is not known is empty.

    measured_low, measured_high: the interval of `intervals`. noise_scale_*: that of the last step
    of the probe. published_*: for experiments whose section is one of the paper's.
    """
    scales = latest(noise).pivot(index=_KEYS, columns="player", values="noise_scale")
    scales = scales.reindex(columns=["generator", "discriminator"]).add_prefix("noise_scale_")
    return COMPARISON.frame(
        table3(critical, estimates, experiments, published)
        .drop(columns=["measured_low", "measured_high"])
        .merge(critical[[*_KEYS, "at_edge"]], how="left", on=_KEYS, validate="one_to_one")
        .fillna({"at_edge": ""})
        .merge(_measured_interval(intervals), how="left", on=_KEYS, validate="one_to_one")
        .merge(_fit_columns(fitted), how="left", on=_KEYS, validate="one_to_one")
        .merge(scales.reset_index(), how="left", on=_KEYS, validate="one_to_one")
    )


def _measured_interval(intervals: pd.DataFrame) -> pd.DataFrame:
    names = {"low": "measured_low", "high": "measured_high"}
    return intervals[[*_KEYS, *names]].rename(columns=names)


def _fit_columns(fitted: pd.DataFrame) -> pd.DataFrame:
    names = {"critical_batch_size": "fitted", "critical_low": "fitted_low"}
    names |= {"critical_high": "fitted_high"}
    return fitted[[*_KEYS, *names]].rename(columns=names)


def rates_table(compared: pd.DataFrame, experiments: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Critical batch sizes against the generator's rate: the columns `LEARNING_RATES`.

    compared: the columns `COMPARISON`. experiments: records `{name, optimizers: {NAME:
    {generator_rate}}}`. By optimizer in the order of the records, then by rate. Proposition 3.4
    says: in proportion to the rate.
    """
    rates = pd.DataFrame(
        [
            (record["name"], optimizer, settings["generator_rate"])
            for record in experiments
            for optimizer, settings in record["optimizers"].items()
        ],
        columns=[*_KEYS, "rate"],
    )
    order = {name: place for place, name in enumerate(dict.fromkeys(rates["optimizer"]))}
    names = {"measured_low": "low", "measured_high": "high"}
    table = rates.merge(
        compared.rename(columns=names), how="left", on=_KEYS, validate="one_to_one"
    ).sort_values(
        ["optimizer", "rate"],
        key=lambda column: column.map(order) if column.name == "optimizer" else column,
        kind="stable",
        ignore_index=True,
    )
    return LEARNING_RATES.frame(table)
