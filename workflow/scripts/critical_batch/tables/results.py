"""Tables for people: Table 3, the recommendation, and the plan of a configuration."""

from .contract import Column, Table
from .training import EXPERIMENT, OPTIMIZER

TABLE3 = Table(
    "Table 3",
    "results/tables/table3.csv",
    "one optimizer of an experiment",
    {
        "section": Column("str", "section of the paper, or one's own"),
        "experiment": EXPERIMENT,
        "optimizer": OPTIMIZER,
        "measured": Column("Int64", "the measured b*", "images"),
        "measured_low": Column(
            "Int64", "smallest of the seeds' own cheapest batch sizes", "images"
        ),
        "measured_high": Column(
            "Int64", "largest of the seeds' own cheapest batch sizes", "images"
        ),
        "estimated": Column("Int64", "estimate of Proposition 3.4, rounded", "images"),
        "estimated_exact": Column("float64", "estimate of Proposition 3.4", "images"),
        "published_measured": Column("Int64", "measured b* of the paper", "images"),
        "published_estimated": Column("Int64", "estimated b* of the paper", "images"),
    },
)

TABLE3_PUBLISHED = Table(
    "The paper's Table 3 computed anew",
    "results/tables/table3_published.csv",
    "one optimizer of a section",
    {
        "section": Column("str", "section of the paper"),
        "optimizer": OPTIMIZER,
        "ratio": Column("float64", "r = sigma^2 / eps^3 from the paper's measured b*"),
        "published_measured": Column("int64", "measured b* of the paper", "images"),
        "published_estimated": Column("int64", "estimated b* of the paper", "images"),
        "reproduced_exact": Column("float64", "estimate of Proposition 3.4", "images"),
        "reproduced_estimate": Column("int64", "the same, rounded to a power of two", "images"),
    },
)

RECOMMENDATION = Table(
    "Recommended batch sizes",
    "results/tables/recommendation.csv",
    "one optimizer of an experiment",
    {
        "experiment": EXPERIMENT,
        "optimizer": OPTIMIZER,
        "fewest_gradients": Column(
            "Int64", "batch size with the fewest gradient evaluations, the measured b*", "images"
        ),
        "fewest_low": Column(
            "float64", "lower end of its 95 % interval, or of its range over seeds", "images"
        ),
        "fewest_high": Column(
            "float64", "upper end of its 95 % interval, or of its range over seeds", "images"
        ),
        "finishes_first": Column(
            "Int64", "batch size that took the least time on this run's machine", "images"
        ),
        "seconds": Column("float64", "that time, of one seed", "seconds"),
        "smallest_reaching": Column(
            "Int64", "smallest batch size at which the majority of seeds reached", "images"
        ),
        "certainty": Column(
            "str",
            "low, fair or high; or what keeps it open: try a lower threshold, not reached, "
            "one batch size, try smaller, try larger, try more steps",
        ),
    },
)

OTHER_OPTIMIZERS = Table(
    "Estimates for optimizers that were not trained",
    "results/tables/other_optimizers.csv",
    "one optimizer that an experiment did not train",
    {
        "experiment": EXPERIMENT,
        "optimizer": OPTIMIZER,
        "generator_rate": Column("float64", "learning rate that the estimate is for"),
        "rate_optimizer": Column("str", "optimizer of the experiment whose rate that is"),
        "ratio_experiment": Column("str", "experiment whose measured b* gives the ratio"),
        "ratio_optimizer": Column("str", "optimizer whose measured b* gives the ratio"),
        "ratio": Column("float64", "r = sigma^2 / eps^3 of the generator"),
        "estimated_exact": Column("float64", "estimate of Proposition 3.4", "images"),
        "estimated": Column("Int64", "the same, rounded to a batch size", "images"),
    },
)

PLAN = Table(
    "Cost of a configuration before it runs",
    "results/plan/plan.csv",
    "one batch size of an experiment, all its optimizers and seeds together",
    {
        "section": Column("str", "section of the paper, or one's own"),
        "experiment": EXPERIMENT,
        "batch_size": Column("int64", "batch size b", "images"),
        "optimizers": Column("int64", "number of optimizers"),
        "jobs": Column("int64", "number of training jobs"),
        "steps": Column("int64", "most steps of one seed", "steps"),
        "samples": Column("int64", "most images of all seeds together", "images"),
        "hours": Column(
            "float64", "most time of all jobs one after the other, empty if not probed", "hours"
        ),
    },
)

TABLES = (TABLE3, TABLE3_PUBLISHED, RECOMMENDATION, OTHER_OPTIMIZERS, PLAN)
