"""A curve fitted to every seed, those that did not arrive included as censored observations.

Around the curve (an entry of `CURVES`, by default that of Theorem 3.2) seeds scatter by a factor:

    log N(b) ~ Normal(mu(b), spread),  mu(b) = level + offset(b; shape).

With the theorem, 1/N(b) = intercept - slope / b, level is -log(intercept), the shape is the pole
slope / intercept, and mu is infinite at and below it.

No N is known exactly: a seed that reached the threshold did so after its last miss and not after
its first hit (one that hit at its first evaluation has no last miss: its N lies anywhere below),
and one that did not reach it needs more steps than its last miss. The likelihood is the
probability of these intervals. Maximised over level and spread
(`analysis.interval_likelihood.maximise`) it is the profile likelihood of the shape, from which
estimate and interval are read.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, log, nan

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from ..tables.theory import CENSORED_FIT
from .curves import CURVES, Curve
from .interval_likelihood import maximise

LEVEL = 0.95
"""Confidence of the intervals."""

_GRID = 61
_REFINEMENTS = 4


@dataclass(frozen=True)
class CensoredFit:
    """The columns of `CENSORED_FIT` but for the names; NaN where there is no such number.

    r_squared: 1 - (squared residuals) / (squared deviations from the mean) of log N over the seeds
    whose bracket has two ends, N its geometric middle. reached: seeds that reached the threshold;
    upper_bounds: those of them that did so at their first evaluation; censored: those that did not
    reach it. note: empty, or why there is no critical batch size; the fit's other numbers stand
    where it could be made at all.
    """

    slope: float = nan
    intercept: float = nan
    spread: float = nan
    critical_batch_size: float = nan
    critical_low: float = nan
    critical_high: float = nan
    pole: float = nan
    pole_low: float = nan
    pole_high: float = nan
    r_squared: float = nan
    reached: int = 0
    upper_bounds: int = 0
    censored: int = 0
    note: str = ""


def fit_censored(
    batch_sizes: ArrayLike, low: ArrayLike, high: ArrayLike, *, curve: Curve = CURVES["theorem"]
) -> CensoredFit:
    """Maximum likelihood and the profile-likelihood interval of the pole, hence of b*.

    batch_sizes, low, high: one entry per seed, of one length; N lies in (low, high], low >= 0 in
    steps (0: only an upper bound), high = inf where the seed did not arrive. The pole lies in
    [0, smallest batch size at which a seed arrived).

    The interval holds the poles whose profile log-likelihood is at most
    n/2 log(1 + t^2 / (n - 2)) below the maximum, n the number of seeds that arrived and missed
    before, and t the quantile of Student's distribution with n - 2 degrees of freedom: exact for a
    normal linear regression with two coefficients, and the usual chi-squared limit for many seeds.

    Raises ValueError for entries that are no measurement.
    """
    b, lower, upper = (np.asarray(values, dtype=float) for values in (batch_sizes, low, high))
    if not (b.shape == lower.shape == upper.shape and b.ndim == 1):
        raise ValueError(f"shapes differ: {b.shape}, {lower.shape}, {upper.shape}")
    if not ((b > 0) & np.isfinite(b) & (lower >= 0) & np.isfinite(lower) & (lower < upper)).all():
        raise ValueError("batch sizes must be positive and brackets 0 <= low < high")
    arrived = np.isfinite(upper)
    known = arrived & (lower > 0)
    observed = int(known.sum())
    counts = {"reached": int(arrived.sum()), "censored": int((~arrived).sum())}
    counts["upper_bounds"] = counts["reached"] - observed
    early = " after a miss" if counts["upper_bounds"] else ""
    if np.unique(b[known]).size < 3:
        return CensoredFit(**counts, note=f"reached{early} at fewer than 3 batch sizes")
    if observed < 4:
        return CensoredFit(**counts, note=f"reached{early} by fewer than 4 seeds")

    smallest = b[arrived].min()
    with np.errstate(divide="ignore"):
        brackets = np.log(lower), np.log(upper)

    def profile(at: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Log-likelihood, level and spread for poles given as offsets at `smallest`, each [P]."""
        return maximise(*brackets, curve.offsets(b, curve.shape(at, smallest)))

    best, top = _peak(lambda at: profile(at)[0], curve.span)
    _, level, spread = (values.item() for values in profile(np.array([best])))
    pole, intercept = curve.shape(best, smallest), np.exp(-level)
    degrees = observed - 2
    quantile = stdtrit(degrees, 0.5 + LEVEL / 2)
    floor = top - observed / 2 * log(1 + quantile**2 / degrees)
    ends = [_crossing(lambda at: profile(at)[0], best, end, floor) for end in (0, curve.span)]
    pole_low, pole_high = (curve.shape(end, smallest) for end in ends)
    fitted = {
        "slope": float(pole * intercept),
        "intercept": float(intercept),
        "spread": spread,
        "r_squared": _r_squared(*brackets, level + curve.offsets(b, np.array([pole]))[0]),
        **counts,
    }
    if pole == 0:
        note = (
            f"slope = 0: N(b) does not fall with b, b* is at most {curve.critical(pole_high):.3g}"
        )
        return CensoredFit(**fitted, note=note)
    return CensoredFit(
        critical_batch_size=float(curve.critical(pole)),
        critical_low=float(curve.critical(pole_low)),
        critical_high=float(curve.critical(pole_high)),
        pole=float(pole),
        pole_low=float(pole_low),
        pole_high=float(pole_high),
        **fitted,
    )


def censored_fit_table(steps: pd.DataFrame) -> pd.DataFrame:
    """`fit_censored` of every experiment and optimizer: the columns `CENSORED_FIT`.

    steps: the columns `tables.aggregate.STEPS`. A seed that arrived at its first evaluation is
    known from above only. One that ended at the step limit or diverged is censored at its last
    miss; one that diverged before it was looked at says nothing.
    """
    rows = []
    for (experiment, optimizer), group in steps.groupby(["experiment", "optimizer"]):
        high = group["steps"].astype("float64").fillna(inf)
        fit = fit_censored(group["batch_size"], group["bracket_low"].astype("float64"), high)
        rows.append({"experiment": experiment, "optimizer": optimizer, **vars(fit)})
    return CENSORED_FIT.frame(rows)


def _peak(profile: Callable[[np.ndarray], np.ndarray], span: float) -> tuple[float, float]:
    """Where in [0, span] the profile is largest, the middle of equals; its value."""
    start, stop = 0.0, span
    for _ in range(_REFINEMENTS):
        at = np.linspace(start, stop, _GRID)
        values = profile(at)
        first, *_, last = np.repeat(np.flatnonzero(values >= values.max() - 1e-9), 2)
        start, stop = at[max(first - 1, 0)], at[min(last + 1, _GRID - 1)]
    return (at[first] + at[last]) / 2, values.max()


def _crossing(
    profile: Callable[[np.ndarray], np.ndarray], best: float, end: float, floor: float
) -> float:
    """Where the profile falls below `floor` on the way from `best` to `end`; `end` if nowhere."""
    inside, outside = best, end
    for _ in range(_REFINEMENTS):
        at = np.linspace(inside, outside, _GRID)
        below = np.flatnonzero(profile(at) < floor)
        if not below.size:
            return end
        outside, inside = at[below[0]], at[max(below[0] - 1, 0)]
    return outside


def _r_squared(low: np.ndarray, high: np.ndarray, expected: np.ndarray) -> float:
    """Share of the variance of log N explained, over the seeds whose bracket has two ends."""
    known = np.isfinite(low) & np.isfinite(high)
    middle, expected = (low[known] + high[known]) / 2, expected[known]
    total = ((middle - middle.mean()) ** 2).sum()
    return float(1 - ((middle - expected) ** 2).sum() / total) if total > 1e-18 else nan
