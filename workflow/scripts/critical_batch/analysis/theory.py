"""Theorem 3.1 to Proposition 3.4 of Sato & Iiduka (ICML 2023), as pure functions.

Throughout, b is the batch size in images, N(b) the number of steps until the threshold, N(b) b
the SFO complexity (stochastic first-order oracle calls, that is images seen), and r the ratio
sigma_G^2 / eps_G^3 of Proposition 3.4. Functions of b take a number or an array.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import frexp, isfinite, nan, sqrt
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ..optimizers import OPTIMIZERS, optimizer_of
from ..runtime.errors import UserError
from ..tables.theory import ESTIMATES, FIT


@dataclass(frozen=True)
class Constants:
    """A > 0, B >= 0 and C >= 0 of Theorem 3.1(ii), of one player."""

    A: float
    B: float
    C: float


def constants(
    *,
    parameters: int,
    distance: float,
    rate: float,
    variance: float,
    gradient_bound: float,
    preconditioner_high: float,
    preconditioner_low: float,
    beta1: float = 0.0,
    gamma: float = 0.0,
) -> Constants:
    """The constants of Theorem 3.1(ii); generator and discriminator have the same form.

    A = Theta Dist(theta) H / (2 alpha (1 - beta1))
    B = sigma^2 alpha / (2 (1 - beta1) (1 - gamma)^2 h)
    C = M^2 alpha / (2 (1 - beta1) (1 - gamma)^2 h)
        + beta1 / (1 - beta1) sqrt(Theta Dist(theta) (sigma^2 + M^2))

    parameters: Theta (W for the discriminator). distance: Dist(theta), the bound on the squared
    distance per coordinate. rate: alpha > 0. variance: sigma^2. gradient_bound: M, the bound on
    the norm of the gradient. preconditioner_high, preconditioner_low: H and h_{0,*} > 0, bounds
    of the preconditioner's diagonal. beta1, gamma: momentum and its bias correction, in [0, 1).
    """
    step = rate / (2 * (1 - beta1) * (1 - gamma) ** 2 * preconditioner_low)
    drift = sqrt(parameters * distance * (variance + gradient_bound**2))
    return Constants(
        A=parameters * distance * preconditioner_high / (2 * rate * (1 - beta1)),
        B=variance * step,
        C=gradient_bound**2 * step + beta1 / (1 - beta1) * drift,
    )


def steps(batch_size: ArrayLike, constants: Constants, epsilon: float) -> Any:
    """Theorem 3.2: N(b) = A b / ((eps^2 - C) b - B), decreasing and convex in b.

    Infinite for b <= B / (eps^2 - C), and for every b where eps^2 <= C: never reached.
    """
    b = np.asarray(batch_size, dtype=float)
    denominator = (epsilon**2 - constants.C) * b - constants.B
    reached = denominator > 0
    return np.where(reached, constants.A * b / np.where(reached, denominator, 1.0), np.inf)[()]


def sfo(batch_size: ArrayLike, constants: Constants, epsilon: float) -> Any:
    """Theorem 3.3: N(b) b = A b^2 / ((eps^2 - C) b - B), convex; infinite where N(b) is."""
    return steps(batch_size, constants, epsilon) * np.asarray(batch_size, dtype=float)


def critical_batch_size(constants: Constants, epsilon: float) -> float:
    """Theorem 3.3: b* = 2 B / (eps^2 - C), the minimiser of N(b) b; NaN where eps^2 <= C."""
    margin = epsilon**2 - constants.C
    return 2 * constants.B / margin if margin > 0 else nan


def lower_bound(
    ratio: float,
    optimizer: str,
    rate: float,
    hyper: Mapping[str, float],
    parameters: int,
    images: int,
) -> float:
    """Proposition 3.4: the lower bound of a player's critical batch size, in images.

    b* >= r alpha |S| / ((1 - beta1)^3 sqrt(Theta) scale), with the scale of the optimizer's
    entry in `OPTIMIZERS`, and beta1 = 0 where it has none. NaN where the entry has no scale.

    ratio: r of the player. rate: alpha, its learning rate. hyper: hyper-parameters; those it lacks
    take the optimizer's defaults. parameters: Theta, W for the discriminator. images: |S|.
    Raises UserError for an unknown optimizer, and for a hyper-parameter that it has not.
    """
    if optimizer not in OPTIMIZERS:
        raise UserError(f"optimizer {optimizer!r} is unknown: use one of {', '.join(OPTIMIZERS)}")
    choice = optimizer_of(optimizer, hyper)
    scale, settings = choice.entry.scale, choice.settings
    if scale is None:
        return nan
    momentum = (1 - getattr(settings, "beta1", 0.0)) ** 3
    return ratio * rate * images / (momentum * sqrt(parameters) * scale(settings))


def ratio_from_measured(
    measured: float,
    optimizer: str,
    rate: float,
    hyper: Mapping[str, float],
    parameters: int,
    images: int,
) -> float:
    """Proposition 3.4 solved for a player's r = sigma^2 / eps^3 at a measured critical batch size.

    An upper bound of r, as the proposition bounds b* from below. Arguments as in `lower_bound`.
    """
    return measured / lower_bound(1.0, optimizer, rate, hyper, parameters, images)


def nearest_power_of_two(value: float) -> int:
    """The 2^k, k >= 0, with the smallest |value - 2^k|; `value` is finite and positive.

    Nearest in value, not in logarithm, as in the paper: 47.998 gives 32. A tie gives the smaller.
    A tie is meant up to rounding errors (relative 1e-9): 4.1 AdaBelief is 1.5 times Adam's 32
    exactly, and the last bit of a 48 must not choose between 32 and 64. Raises ValueError.
    """
    if not (isfinite(value) and value > 0):
        raise ValueError(f"no nearest power of two: {value}")
    lower = 1 << max(0, frexp(value)[1] - 1)
    return lower if value <= 1.5 * lower * (1 + 1e-9) else 2 * lower


def nearest_size(value: float, tried: Iterable[int]) -> int:
    """The batch size that an estimate stands for: the nearest one on the grid that was tried.

    tried: batch sizes. Where all of them are powers of two, as in the paper,
    `nearest_power_of_two`, which may lie beyond them; otherwise the nearest in value of those
    tried, of two equally near ones the smaller. Raises ValueError as `nearest_power_of_two` does.
    """
    tried = sorted(tried)
    power = nearest_power_of_two(value)
    if all(size & (size - 1) == 0 for size in tried):
        return power
    return min(tried, key=lambda size: abs(size - value))


@dataclass(frozen=True)
class Fit:
    """1/N(b) = intercept - slope / b, so intercept = (eps^2 - C) / A and slope = B / A.

    critical_batch_size: 2 slope / intercept. pole: slope / intercept, below which the threshold
    is never reached. r_squared: share of the weighted variance of 1/N explained, NaN where 1/N
    does not vary. points: number of measurements. note: empty, or why there is no critical batch
    size; then it and the pole are NaN, and with too few batch sizes so is everything else.
    """

    slope: float
    intercept: float
    critical_batch_size: float
    pole: float
    r_squared: float
    points: int
    note: str = ""


def fit_steps(batch_sizes: ArrayLike, steps: ArrayLike) -> Fit:
    """Least squares of 1/N = intercept - slope / b, each residual weighted by its N.

    The residuals are thus relative: errors of N(b) are proportional to N(b), as the grid of
    evaluations is logarithmic and seeds differ by a factor; without weights the few steps of the
    largest batch sizes, where 1/N is large, would decide alone. r_squared is in the same space,
    1/N with weights N^2.

    batch_sizes, steps: finite, positive, of one length; leave out what was not reached.
    Raises ValueError otherwise.
    """
    b, n = np.asarray(batch_sizes, dtype=float), np.asarray(steps, dtype=float)
    if b.shape != n.shape or b.ndim != 1:
        raise ValueError(f"batch sizes and steps differ in shape: {b.shape}, {n.shape}")
    if not (np.isfinite(b) & np.isfinite(n) & (b > 0) & (n > 0)).all():
        raise ValueError("batch sizes and steps must be finite and positive")
    if np.unique(b).size < 3:
        return Fit(nan, nan, nan, nan, nan, b.size, "fewer than 3 batch sizes")
    intercept, slope = np.linalg.lstsq(np.stack([n, -n / b], axis=1), np.ones_like(n))[0].tolist()
    residual = 1 - n * (intercept - slope / b)
    total = 1 - n * (n.sum() / (n**2).sum())
    varies = (total**2).sum() > 1e-18 * b.size
    r_squared = float(1 - (residual**2).sum() / (total**2).sum()) if varies else nan
    if intercept <= -1e-9 * abs(slope):  # both: 0 up to rounding errors, as b >= 1
        note = "intercept <= 0: N(b) grows without bound, no critical batch size"
    elif slope <= 1e-9 * intercept:
        note = "slope <= 0: N(b) does not fall with b, no critical batch size"
    else:
        pole = slope / intercept
        return Fit(slope, intercept, 2 * pole, pole, r_squared, b.size)
    return Fit(slope, intercept, nan, nan, r_squared, b.size, note)


def fit_table(medians: pd.DataFrame) -> pd.DataFrame:
    """`fit_steps` of every experiment and optimizer: the columns `FIT`, and the `note`.

    medians: from `analysis.aggregate.median_sfo`. Only batch sizes whose median is a number enter:
    those at which the majority of the seeds arrived, and not at their first evaluation already,
    which gives no more than an upper bound. Every pair has its row, also one without a fit.
    """
    rows = []
    for (experiment, optimizer), group in medians.groupby(["experiment", "optimizer"]):
        known = group[np.isfinite(group["median_steps"]) & ~group["upper_bound"]]
        fit = fit_steps(known["batch_size"], known["median_steps"])
        rows.append({"experiment": experiment, "optimizer": optimizer, **vars(fit)})
    return pd.DataFrame(rows, columns=[*FIT.columns, "note"]).astype(FIT.types())


def estimates(
    critical: pd.DataFrame, networks: pd.DataFrame, experiments: Sequence[Mapping[str, Any]]
) -> pd.DataFrame:
    """Estimated critical batch sizes (Proposition 3.4), one row per experiment and optimizer.

    critical, networks: critical.csv and networks.csv. experiments: records `{name, section,
    ratio: {experiment, optimizer}, optimizers: {NAME: {generator_rate, discriminator_rate,
    hyper: {...}, batch_sizes}}}`; other keys are ignored. Returns the columns `ESTIMATES`, in the
    order of the records. ratio and estimated: the generator's, estimated_exact before it is rounded
    to a batch size by `nearest_size`. discriminator_exact, discriminator_estimated:
    the same from the discriminator's rate and W, its ratio from the same measured size, which is
    one number for the pair of players.

    The ratio is empty where its source was not run or has no measured critical batch size or no
    scale; the estimates are empty where the ratio is, or where the optimizer has no scale.
    """
    measured = critical.set_index(["experiment", "optimizer"])["critical_batch_size"].dropna()
    sizes = networks.set_index("experiment")
    records = {record["name"]: record for record in experiments}

    def arguments(player: str, experiment: str, optimizer: str) -> tuple:
        setting = records[experiment]["optimizers"][optimizer]
        parameters, images = sizes.loc[experiment, [f"{player}_parameters", "images"]]
        return optimizer, setting[f"{player}_rate"], setting["hyper"], int(parameters), int(images)

    def ratio_of(player: str, source: tuple[str, str]) -> float:
        known = source[0] in records and source[1] in records[source[0]]["optimizers"]
        if not known or source not in measured.index or source[0] not in sizes.index:
            return nan
        return ratio_from_measured(float(measured[source]), *arguments(player, *source))

    rows = []
    for name, record in records.items():
        source = (record["ratio"]["experiment"], record["ratio"]["optimizer"])
        ratios = {player: ratio_of(player, source) for player in ("generator", "discriminator")}
        for optimizer in record["optimizers"]:
            cells = []
            for player, ratio in ratios.items():
                trained = name in sizes.index
                exact = lower_bound(ratio, *arguments(player, name, optimizer)) if trained else nan
                tried = record["optimizers"][optimizer].get("batch_sizes", ())
                cells += [exact, nearest_size(exact, tried) if isfinite(exact) else None]
            section = str(record["section"])
            rows.append((name, section, optimizer, *source, ratios["generator"], *cells))
    return ESTIMATES.frame(rows)
