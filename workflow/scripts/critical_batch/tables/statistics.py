"""Tables of the statistics: how sure the measured numbers are. Intervals are of 95 %."""

from .aggregate import CRITICAL
from .contract import Column, Table
from .training import BATCH_SIZE, EXPERIMENT, OPTIMIZER, SEED

REPETITIONS = Table(
    "Repeated evaluations of one generator",
    "results/noise/{experiment}.csv",
    "one evaluation",
    {
        "experiment": EXPERIMENT,
        "optimizer": OPTIMIZER,
        "batch_size": BATCH_SIZE,
        "seed": SEED,
        "samples": Column("int64", "generated images that the distance is of", "images"),
        "sample_seed": Column("int64", "number of the evaluation: which samples were drawn"),
        "distance": Column(
            "float64", "distance to the real images, by the metric that stops the training"
        ),
    },
    earlier={"fid": "distance"},
)

BOOTSTRAP = Table(
    "Steps and SFO with intervals",
    "results/statistics/bootstrap.csv",
    "one batch size of an optimizer",
    {
        "experiment": EXPERIMENT,
        "optimizer": OPTIMIZER,
        "batch_size": BATCH_SIZE,
        "seeds": Column("int64", "seeds that were run"),
        "reached": Column("int64", "seeds that reached the threshold"),
        "median_steps": Column(
            "float64", "N(b), median over seeds; empty where no majority reached", "steps"
        ),
        "steps_low": Column("float64", "lower end of its interval", "steps"),
        "steps_high": Column("float64", "upper end of its interval, empty where none", "steps"),
        "bracket_low": Column(
            "float64", "median of the last misses, below which N(b) cannot lie", "steps"
        ),
        "upper_bound": Column("bool", "whether the medians are only upper bounds"),
        "least_steps": Column(
            "float64",
            "N(b) if every seed that reached at its first evaluation had needed no step",
            "steps",
        ),
        "median_sfo": Column("float64", "N(b) times b", "gradient evaluations"),
        "sfo_low": Column("float64", "lower end of its interval", "gradient evaluations"),
        "sfo_high": Column(
            "float64", "upper end of its interval, empty where none", "gradient evaluations"
        ),
    },
)

CRITICAL_INTERVALS = Table(
    "Measured critical batch sizes with intervals",
    "results/statistics/critical.csv",
    "one optimizer of an experiment",
    {
        "experiment": EXPERIMENT,
        "optimizer": OPTIMIZER,
        "critical_batch_size": Column("Int64", "the measured b*", "images"),
        "low": Column("Int64", "lower end of its interval", "images"),
        "high": Column("Int64", "upper end of its interval", "images"),
        "support": Column("float64", "share of the resamples that found the same b*, 0 to 1"),
        "resamples": Column("int64", "how often the seeds were drawn anew"),
    },
)

FID_NOISE = Table(
    "Noise of the distance",
    "results/statistics/fid_noise.csv",
    "one generator, of each experiment one",
    {
        "experiment": EXPERIMENT,
        "optimizer": OPTIMIZER,
        "batch_size": BATCH_SIZE,
        "seed": SEED,
        "samples": Column("int64", "generated images of each evaluation", "images"),
        "sample_seeds": Column("int64", "number of evaluations"),
        "mean": Column("float64", "mean of the distances"),
        "sd": Column("float64", "their standard deviation (n - 1), empty for one"),
        "threshold": Column("float64", "the distance at which a seed has reached its goal"),
    },
)

THRESHOLD = Table(
    "Critical batch sizes at other thresholds",
    "results/statistics/threshold.csv",
    "one optimizer at one threshold",
    {
        "experiment": EXPERIMENT,
        "optimizer": OPTIMIZER,
        "threshold": Column("float64", "the distance that counts as reached in this row"),
        **{
            name: column
            for name, column in CRITICAL.columns.items()
            if name not in ("experiment", "optimizer")
        },
    },
)

TREND = Table(
    "Trend of b* over thresholds",
    "results/statistics/threshold_trend.csv",
    "one optimizer of an experiment",
    {
        "experiment": EXPERIMENT,
        "optimizer": OPTIMIZER,
        "thresholds": Column(
            "int64", "thresholds whose b* no other batch size may undercut unseen"
        ),
        "size_at_lowest": Column("Int64", "b* at the lowest of them", "images"),
        "size_at_highest": Column("Int64", "b* at the highest of them", "images"),
        "kendall_tau": Column(
            "float64",
            "rank correlation (tau-b) of threshold and b*, -1 to 1; the theory says negative",
        ),
    },
)

TABLES = (REPETITIONS, BOOTSTRAP, CRITICAL_INTERVALS, FID_NOISE, THRESHOLD, TREND)
