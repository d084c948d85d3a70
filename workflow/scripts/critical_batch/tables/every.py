"""Every table of the workflow, in the order of the stages that write them."""

from . import aggregate, results, statistics, theory, training

TABLES = (
    *training.TABLES,
    *aggregate.TABLES,
    *statistics.TABLES,
    *theory.TABLES,
    *results.TABLES,
)
