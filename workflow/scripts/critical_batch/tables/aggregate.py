"""Tables of results/aggregate: what the runs of a workflow measured."""

from .contract import Column, Table
from .training import BATCH_SIZE, EXPERIMENT, OPTIMIZER, SEED

STEPS = Table(
    "Steps to the threshold",
    "results/aggregate/steps.csv",
    "one seed at one batch size",
    {
        "experiment": EXPERIMENT,
        "optimizer": OPTIMIZER,
        "batch_size": BATCH_SIZE,
        "seed": SEED,
        "steps": Column(
            "Int64", "N, the first evaluation at or below the threshold, if reached", "steps"
        ),
        "bracket_low": Column(
            "Int64",
            "the last evaluation above the threshold; 0 where the first one reached it, so that "
            "steps and sfo are only upper bounds",
            "steps",
        ),
        "sfo": Column("Int64", "N times b", "gradient evaluations"),
        "status": Column("str", "how the seed ended: reached, step-limit or diverged"),
    },
)

CRITICAL = Table(
    "Measured critical batch sizes",
    "results/aggregate/critical.csv",
    "one optimizer of an experiment",
    {
        "experiment": EXPERIMENT,
        "optimizer": OPTIMIZER,
        "critical_batch_size": Column(
            "Int64", "b*, the batch size with the smallest median SFO", "images"
        ),
        "low": Column("Int64", "smallest of the seeds' own cheapest batch sizes", "images"),
        "high": Column("Int64", "largest of the seeds' own cheapest batch sizes", "images"),
        "at_edge": Column(
            "str",
            "why the minimum may be elsewhere (early, censored, smallest, largest); else empty",
        ),
        "seeds": Column("int64", "seeds that were run"),
        "seeds_reached": Column("int64", "seeds that reached the threshold at b*"),
    },
)

NETWORKS = Table(
    "Networks and data",
    "results/aggregate/networks.csv",
    "one experiment",
    {
        "experiment": EXPERIMENT,
        "generator_parameters": Column("int64", "parameters of the generator, Theta"),
        "discriminator_parameters": Column("int64", "parameters of the discriminator, W"),
        "images": Column("int64", "size of the data set, |S|", "images"),
        "metric": Column("str", "what the distance is called"),
        "threshold": Column("float64", "the distance at which a seed has reached its goal"),
    },
)

SPEED = Table(
    "Speed of training",
    "results/aggregate/speed.csv",
    "one batch size of an optimizer",
    {
        "experiment": EXPERIMENT,
        "optimizer": OPTIMIZER,
        "batch_size": BATCH_SIZE,
        "seeds": Column("int64", "seeds of all its jobs"),
        "seconds": Column("float64", "training time of all its jobs, evaluations too", "seconds"),
        "seed_steps_per_second": Column(
            "float64",
            "steps of one seed, summed over the seeds that train together; median over jobs",
            "steps per second",
        ),
        "device": Column("str", "cpu or the names of the GPUs"),
    },
)

EVALUATION = Table(
    "Distance in the loop and independent",
    "results/aggregate/evaluation.csv",
    "one seed at one batch size",
    {
        "experiment": EXPERIMENT,
        "optimizer": OPTIMIZER,
        "batch_size": BATCH_SIZE,
        "seed": SEED,
        "status": Column("str", "how the seed ended: reached, step-limit or diverged"),
        "in_loop": Column("float64", "distance at the last evaluation of the training"),
        "mean": Column("float64", "mean over the independent evaluations"),
        "sd": Column("float64", "their standard deviation (n - 1), empty for one"),
        "threshold": Column("float64", "the distance at which a seed has reached its goal"),
        "agrees": Column("boolean", "whether the mean says of the threshold what the status says"),
    },
)

TABLES = (STEPS, CRITICAL, NETWORKS, SPEED, EVALUATION)
