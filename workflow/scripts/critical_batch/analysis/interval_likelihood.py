"""Normal observations of which only brackets are known: maximum likelihood of mean and spread.

In (mean / spread, 1 / spread) the log-likelihood is concave (J. Burridge, A note on maximum
likelihood estimation for regression models using grouped data, JRSS B 43, 1981, 41-45), so that
Newton's method finds the maximum from anywhere.
"""

from math import log, pi

import numpy as np
from scipy.special import log_ndtr

SPREADS = (0.01, 10.0)
"""Bounds of the spread; observations that all fit into their brackets would have none."""

_FAR = 1e6  # standard deviations: stands for infinity, and squares without overflow
_NEWTON_STEPS = 60
_HALVINGS = 30
_TOLERANCE = 1e-10  # in log-likelihood


def maximise(
    low: np.ndarray, high: np.ndarray, offsets: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Observation j is Normal(level + offsets[j], spread) and lies in (low[j], high[j]].

    low, high: [n], -inf and +inf allowed, some of high finite. offsets: [P, n], a problem a row,
    solved at once; an observation whose offset is +inf is certain and adds nothing (its high must
    be +inf). Returns the largest log-likelihood, level and spread, each [P].
    """
    certain = np.isinf(offsets)
    shift = np.where(certain, 0.0, offsets)
    bounded = [np.isfinite(end) & ~certain for end in (low, high)]
    ends = [np.where(one, end - shift, 0.0) for one, end in zip(bounded, (low, high), strict=True)]

    smallest, largest = 1 / SPREADS[1], 1 / SPREADS[0]
    closed = np.isfinite(high)
    residual = high[closed] - shift[:, closed]
    precision = 1 / np.clip(residual.std(axis=1), *SPREADS)
    position = residual.mean(axis=1) * precision
    value, gradient, hessian = _likelihood(ends, bounded, position, precision)
    for _ in range(_NEWTON_STEPS):
        step, gain = _newton(gradient, hessian, precision)
        moving = gain > _TOLERANCE
        if not moving.any():
            break
        # Not beyond the bounds of the precision, and where it promises nothing, not at all.
        bound = np.where(step[1] > 0, largest, smallest)
        reach = np.abs(bound - precision) / np.maximum(np.abs(step[1]), 1e-300)
        scale = moving * np.minimum(reach, 1.0)
        for _ in range(_HALVINGS):
            new_position = position + scale * step[0]
            new_precision = np.clip(precision + scale * step[1], smallest, largest)
            new = _likelihood(ends, bounded, new_position, new_precision)
            worse = moving & ~(new[0] >= value)
            if not worse.any():
                break
            scale[worse] /= 2  # thirty times: no step at all
        position, precision = new_position, new_precision
        value, gradient, hessian = new
    return value, position / precision, 1 / precision


def _likelihood(
    ends: list[np.ndarray], bounded: list[np.ndarray], position: np.ndarray, precision: np.ndarray
) -> tuple[np.ndarray, tuple, tuple]:
    """Log-likelihood [P], gradient and second derivatives in (position, precision).

    An end is at z = end * precision - position standard deviations from the mean; ends [P, n] that
    are not bounded lie far out.
    """
    low, high = ends
    z_low, z_high = (
        np.where(one, end * precision[:, None] - position[:, None], far)
        for end, one, far in zip(ends, bounded, (-_FAR, _FAR), strict=True)
    )
    # log(Phi(high) - Phi(low)), in the tail that holds the bracket, so that no digits cancel
    upper_half = z_low + z_high > 0
    larger = log_ndtr(np.where(upper_half, -z_low, z_high))
    smaller = log_ndtr(np.where(upper_half, -z_high, z_low))
    logs = larger + np.log(-np.expm1(smaller - larger))

    # Density over probability at either end, and the derivatives of `logs` in z.
    d_low, d_high = (
        np.where(one, np.exp(-z * z / 2 - log(2 * pi) / 2 - logs), 0.0)
        for z, one in zip((z_low, z_high), bounded, strict=True)
    )
    hh = -d_high * (z_high + d_high)
    ll = d_low * (z_low - d_low)
    hl = d_high * d_low
    gradient = (d_low - d_high).sum(axis=1), (d_high * high - d_low * low).sum(axis=1)
    hessian = (
        (hh + ll + 2 * hl).sum(axis=1),
        -(hh * high + ll * low + hl * (high + low)).sum(axis=1),
        (hh * high**2 + ll * low**2 + 2 * hl * high * low).sum(axis=1),
    )
    return logs.sum(axis=1), gradient, hessian


def _newton(
    gradient: tuple, hessian: tuple, precision: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The step in (position, precision), [2, P], and the gain it promises to first order, [P].

    A precision that is pushed against its bound stays.
    """
    (g_position, g_precision), (pp, pq, qq) = gradient, hessian
    smallest, largest = 1 / SPREADS[1], 1 / SPREADS[0]
    held = ((precision >= largest) & (g_precision > 0)) | (
        (precision <= smallest) & (g_precision < 0)
    )
    g_precision, pq = np.where(held, 0.0, g_precision), np.where(held, 0.0, pq)
    # Concave but for rounding: where nothing curves, a little curvature keeps the step finite.
    pp, qq = np.minimum(pp, -1e-12), np.minimum(qq, -1e-12)
    determinant = np.maximum(pp * qq - pq**2, 1e-12 * pp * qq)
    step = np.array([pq * g_precision - qq * g_position, pq * g_position - pp * g_precision])
    step /= determinant
    return step, g_position * step[0] + g_precision * step[1]
