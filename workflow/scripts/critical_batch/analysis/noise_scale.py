"""From measured gradient noise to batch sizes that need no sweep, as pure functions on DataFrames.

The simple noise scale S / |G|^2 (McCandlish et al. 2018) is a batch size in images. In the paper's
notation S is sigma^2, the variance of a stochastic gradient, here measured at some points of one
training where the paper bounds it everywhere. With |G| in the place of eps - Theorem 3.1 bounds an
average of <theta_n - theta, grad L> by eps^2, which is |grad L|^2 at theta = theta_n - grad L - the
ratio sigma^2 / eps^3 of Proposition 3.4 is S / |G|^3, and its lower bound of the critical batch
size follows without any measured one. What cannot be had this way is b* = 2 B / (eps^2 - C) itself:
C holds the bound M of all gradients, the distance to a solution and h_{0,*}, which no probe gives.
"""

from collections.abc import Mapping, Sequence
from math import nan
from typing import Any

import pandas as pd

from ..tables.theory import NOISE_SCALE
from .theory import lower_bound

RATES = {"generator": "generator_rate", "discriminator": "discriminator_rate"}
"""Player -> whose rate enters Proposition 3.4."""


def noise_scale_table(
    probes: pd.DataFrame, experiments: Sequence[Mapping[str, Any]]
) -> pd.DataFrame:
    """The columns `NOISE_SCALE`, one row per experiment, optimizer, player and step.

    probes: the columns `tables.training.GRADIENT_NOISE` of all experiments. experiments: records
    `{name, optimizers: {NAME: {generator_rate, discriminator_rate, hyper}}}`, which also give the
    order of the rows.

    trace, squared_norm: means over the seeds that were measured (seeds: how many; the others had
    diverged). noise_scale: their quotient, empty where squared_norm <= 0, when the gradient drowns
    in noise and the scale has no upper bound. low, high: smallest and largest of the seeds' own;
    high is empty where one of them has none. ratio: trace / squared_norm^(3/2).
    estimated_exact: Proposition 3.4 of the player's rate and parameters with that ratio; empty for
    optimizers without a scale.
    """
    groups = probes.groupby(["experiment", "optimizer", "player", "step"])
    rows = []
    for record in experiments:
        for optimizer, settings in record["optimizers"].items():
            for player, rate in RATES.items():
                for key, group in groups:
                    if key[:3] == (record["name"], optimizer, player):
                        rows.append((*key, *_summary(group, optimizer, settings[rate], settings)))
    return NOISE_SCALE.frame(rows)


def _summary(
    group: pd.DataFrame, optimizer: str, rate: float, settings: Mapping[str, Any]
) -> tuple[float, ...]:
    measured = group[group["trace"].notna()]
    trace, squared_norm = measured["trace"].mean(), measured["squared_norm"].mean()
    bounded = measured["noise_scale"].notna().all()
    low = measured["noise_scale"].min()
    high = measured["noise_scale"].max() if bounded else nan
    if not squared_norm > 0:
        return trace, squared_norm, nan, low, high, len(measured), nan, nan
    ratio = trace / squared_norm**1.5
    sizes = int(group["parameters"].iloc[0]), int(group["images"].iloc[0])
    estimate = lower_bound(ratio, optimizer, rate, settings["hyper"], *sizes)
    scale = trace / squared_norm
    return trace, squared_norm, scale, low, high, len(measured), ratio, estimate


def latest(noise: pd.DataFrame) -> pd.DataFrame:
    """The row of the last step of each experiment, optimizer and player: nearest to a solution."""
    return noise.sort_values("step").groupby(["experiment", "optimizer", "player"]).tail(1)
