"""Tables of results/theory: what the theorems make of the measurements."""

from .contract import Column, Table
from .training import EXPERIMENT, OPTIMIZER

ESTIMATES = Table(
    "Estimates of Proposition 3.4",
    "results/theory/estimates.csv",
    "one optimizer of an experiment",
    {
        "experiment": EXPERIMENT,
        "section": Column("str", "section of the paper, or one's own"),
        "optimizer": OPTIMIZER,
        "ratio_experiment": Column("str", "experiment whose measured b* gives the ratio"),
        "ratio_optimizer": Column("str", "optimizer whose measured b* gives the ratio"),
        "ratio": Column("float64", "r = sigma^2 / eps^3 of the generator"),
        "estimated_exact": Column("float64", "lower bound of b* for the generator", "images"),
        "estimated": Column("Int64", "the same, rounded to a batch size", "images"),
        "discriminator_exact": Column(
            "float64", "lower bound of b* for the discriminator", "images"
        ),
        "discriminator_estimated": Column("Int64", "the same, rounded to a batch size", "images"),
    },
)

FIT = Table(
    "Fit of Theorem 3.2 to medians",
    "results/theory/fit.csv",
    "one optimizer of an experiment",
    {
        "experiment": EXPERIMENT,
        "optimizer": OPTIMIZER,
        "slope": Column("float64", "of 1/N(b) = intercept - slope / b", "images per step"),
        "intercept": Column("float64", "1/N of an infinite batch", "1 per step"),
        "critical_batch_size": Column("float64", "b* = 2 slope / intercept", "images"),
        "pole": Column(
            "float64", "slope / intercept: at and below it nothing reaches the threshold", "images"
        ),
        "r_squared": Column("float64", "share of the variance that the curve explains"),
        "points": Column("int64", "batch sizes that were fitted"),
    },
)

CENSORED_FIT = Table(
    "Fit of Theorem 3.2 to all seeds",
    "results/theory/censored_fit.csv",
    "one optimizer of an experiment",
    {
        "experiment": EXPERIMENT,
        "optimizer": OPTIMIZER,
        "slope": Column("float64", "of 1/N(b) = intercept - slope / b", "images per step"),
        "intercept": Column("float64", "1/N of an infinite batch", "1 per step"),
        "spread": Column("float64", "standard deviation of log N around the curve"),
        "critical_batch_size": Column("float64", "b* = 2 slope / intercept", "images"),
        "critical_low": Column("float64", "lower end of its 95 % interval", "images"),
        "critical_high": Column("float64", "upper end of its 95 % interval", "images"),
        "pole": Column(
            "float64", "slope / intercept: at and below it nothing reaches the threshold", "images"
        ),
        "pole_low": Column("float64", "lower end of its 95 % interval", "images"),
        "pole_high": Column("float64", "upper end of its 95 % interval", "images"),
        "r_squared": Column("float64", "share of the variance of log N that the curve explains"),
        "reached": Column("int64", "seeds that reached the threshold"),
        "upper_bounds": Column("int64", "those of them that did so at their first evaluation"),
        "censored": Column("int64", "seeds that did not reach it"),
        "note": Column("str", "why there is no critical batch size; else empty"),
    },
)

NOISE_SCALE = Table(
    "Gradient noise scales",
    "results/theory/noise_scale.csv",
    "one player at one step of the probe",
    {
        "experiment": EXPERIMENT,
        "optimizer": OPTIMIZER,
        "player": Column("str", "generator or discriminator"),
        "step": Column("int64", "steps of training before the measurement", "steps"),
        "trace": Column("float64", "S, mean over seeds"),
        "squared_norm": Column("float64", "|G|^2, mean over seeds"),
        "noise_scale": Column(
            "float64", "S / |G|^2, empty where the squared norm is not positive", "images"
        ),
        "low": Column("float64", "smallest noise scale of a seed", "images"),
        "high": Column(
            "float64", "largest noise scale of a seed, empty where one has none", "images"
        ),
        "seeds": Column("int64", "seeds that were measured"),
        "ratio": Column("float64", "S / |G|^3, in the place of sigma^2 / eps^3"),
        "estimated_exact": Column(
            "float64", "Proposition 3.4 with that ratio, for this player", "images"
        ),
    },
)

COMPARISON = Table(
    "Critical batch sizes compared",
    "results/theory/comparison.csv",
    "one optimizer of an experiment",
    {
        "experiment": EXPERIMENT,
        "section": Column("str", "section of the paper, or one's own"),
        "optimizer": OPTIMIZER,
        "measured": Column("Int64", "the measured b*", "images"),
        "measured_low": Column("float64", "lower end of its 95 % interval", "images"),
        "measured_high": Column("float64", "upper end of its 95 % interval", "images"),
        "at_edge": Column("str", "why the minimum may be elsewhere; else empty"),
        "estimated": Column("Int64", "estimate of Proposition 3.4, rounded", "images"),
        "estimated_exact": Column("float64", "estimate of Proposition 3.4", "images"),
        "fitted": Column("float64", "b* of Theorem 3.2 fitted to all seeds", "images"),
        "fitted_low": Column("float64", "lower end of its 95 % interval", "images"),
        "fitted_high": Column("float64", "upper end of its 95 % interval", "images"),
        "noise_scale_generator": Column(
            "float64", "the generator's noise scale at the last step of the probe", "images"
        ),
        "noise_scale_discriminator": Column(
            "float64", "the discriminator's noise scale at the last step of the probe", "images"
        ),
        "published_measured": Column("Int64", "measured b* of the paper", "images"),
        "published_estimated": Column("Int64", "estimated b* of the paper", "images"),
    },
)

LEARNING_RATES = Table(
    "Critical batch sizes against the learning rate",
    "results/theory/learning_rates.csv",
    "one optimizer of an experiment, by optimizer and then by rate",
    {
        "experiment": EXPERIMENT,
        "optimizer": OPTIMIZER,
        "rate": Column("float64", "learning rate of the generator"),
        "measured": Column("Int64", "the measured b*", "images"),
        "low": Column("float64", "lower end of its 95 % interval", "images"),
        "high": Column("float64", "upper end of its 95 % interval", "images"),
        "fitted": Column("float64", "b* of Theorem 3.2 fitted to all seeds", "images"),
        "fitted_low": Column("float64", "lower end of its 95 % interval", "images"),
        "fitted_high": Column("float64", "upper end of its 95 % interval", "images"),
    },
)

TABLES = (ESTIMATES, FIT, CENSORED_FIT, NOISE_SCALE, COMPARISON, LEARNING_RATES)
