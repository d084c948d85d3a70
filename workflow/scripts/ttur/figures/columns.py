"""The columns that the figures read of the tables of other stages, with their types."""

BOOTSTRAP = {
    "experiment": "str",
    "optimizer": "str",
    "batch_size": "int64",
    "median_steps": "float64",
    "steps_low": "float64",
    "steps_high": "float64",
    "upper_bound": "bool",
    "least_steps": "float64",
    "median_sfo": "float64",
    "sfo_low": "float64",
    "sfo_high": "float64",
}
"""Of results/statistics/bootstrap.csv: medians over seeds and their 95 % intervals."""

CRITICAL_INTERVAL = {
    "experiment": "str",
    "optimizer": "str",
    "critical_batch_size": "float64",
    "low": "float64",
    "high": "float64",
    "support": "float64",
}
"""Of results/statistics/critical.csv: the critical batch size and its 95 % interval."""

CENSORED_FIT = {
    "experiment": "str",
    "optimizer": "str",
    "slope": "float64",
    "intercept": "float64",
    "critical_batch_size": "float64",
    "critical_low": "float64",
    "critical_high": "float64",
    "pole": "float64",
    "note": "str",
}
"""Of results/theory/censored_fit.csv: 1/N(b) = intercept - slope / b."""

SPEED = {
    "experiment": "str",
    "optimizer": "str",
    "batch_size": "int64",
    "seed_steps_per_second": "float64",
}
"""Of results/aggregate/speed.csv."""

THRESHOLD = {
    "experiment": "str",
    "optimizer": "str",
    "threshold": "float64",
    "critical_batch_size": "float64",
    "low": "float64",
    "high": "float64",
    "at_edge": "str",
}
"""Of results/statistics/threshold.csv: the critical batch size at other thresholds."""

SAMPLE_SEEDS = {
    "experiment": "str",
    "optimizer": "str",
    "batch_size": "int64",
    "seed": "int64",
    "samples": "int64",
    "sample_seed": "int64",
    "fid": "float64",
}
"""Of results/noise/{experiment}.csv: one generator scored with several sample seeds."""

COMPARISON = {
    "experiment": "str",
    "section": "str",
    "optimizer": "str",
    "measured": "float64",
    "measured_low": "float64",
    "measured_high": "float64",
    "at_edge": "str",
    "estimated_exact": "float64",
    "fitted": "float64",
    "fitted_low": "float64",
    "fitted_high": "float64",
    "noise_scale_generator": "float64",
    "noise_scale_discriminator": "float64",
    "published_measured": "float64",
    "published_estimated": "float64",
}
"""Of results/theory/comparison.csv: every measure of the critical batch size."""

NOISE_SCALE = {
    "experiment": "str",
    "optimizer": "str",
    "player": "str",
    "step": "int64",
    "noise_scale": "float64",
    "low": "float64",
    "high": "float64",
}
"""Of results/theory/noise_scale.csv: tr(Sigma) / |G|^2 of both players over training."""

LEARNING_RATES = {
    "experiment": "str",
    "optimizer": "str",
    "rate": "float64",
    "measured": "float64",
    "low": "float64",
    "high": "float64",
    "fitted": "float64",
    "fitted_low": "float64",
    "fitted_high": "float64",
}
"""Of results/theory/learning_rates.csv: the critical batch size at several learning rates."""
