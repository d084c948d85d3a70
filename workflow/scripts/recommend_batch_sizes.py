"""Says in plain words which batch size to use: recommendation.md and the tables behind it."""

import argparse

from critical_batch.analysis.recommendation import costs, other_optimizers, recommendation_table
from critical_batch.reporting.recommendation_text import recommendation_text
from critical_batch.runtime.cli import json_value
from critical_batch.runtime.errors import exit_cleanly
from critical_batch.runtime.files import write_text
from critical_batch.tables.aggregate import CRITICAL, NETWORKS, SPEED, STEPS
from critical_batch.tables.statistics import CRITICAL_INTERVALS
from critical_batch.tables.theory import ESTIMATES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("steps", "speed", "critical", "networks", "estimates"):
        parser.add_argument(f"--{name}", required=True, metavar="CSV", help=f"{name}.csv to read")
    parser.add_argument(
        "--intervals", required=True, metavar="CSV", help="statistics/critical.csv to read"
    )
    parser.add_argument(
        "--experiments", required=True, type=json_value, metavar="JSON", help="JSON or @FILE"
    )
    for name in ("csv", "others", "md"):
        parser.add_argument(f"--{name}", required=True, metavar="FILE", help="file to write")
    arguments = parser.parse_args()
    experiments = arguments.experiments
    networks = NETWORKS.read(arguments.networks)
    intervals = CRITICAL_INTERVALS.read(arguments.intervals)
    cost = costs(STEPS.read(arguments.steps), SPEED.read(arguments.speed))
    critical = CRITICAL.read(arguments.critical)
    table = recommendation_table(cost, critical, intervals, experiments)
    others = other_optimizers(ESTIMATES.read(arguments.estimates), networks, experiments)
    text = recommendation_text(table, cost, intervals, others, networks, experiments)
    write_text(arguments.csv, table.to_csv(index=False))
    write_text(arguments.others, others.to_csv(index=False))
    write_text(arguments.md, text)


if __name__ == "__main__":
    exit_cleanly(main)
