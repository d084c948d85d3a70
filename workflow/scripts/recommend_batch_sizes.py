"""Says in plain words which batch size to use: recommendation.md and the tables behind it."""

import argparse

from ttur.aggregate import CRITICAL, NETWORKS, SPEED, STEPS
from ttur.arguments import json_value
from ttur.comparison import INTERVALS
from ttur.errors import run
from ttur.files import write_text
from ttur.recommendation import costs, other_optimizers, recommendation_table
from ttur.recommendation_text import recommendation_text
from ttur.tables import read_table
from ttur.theory import ESTIMATES


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
    networks = read_table(arguments.networks, NETWORKS)
    intervals = read_table(arguments.intervals, INTERVALS)
    cost = costs(read_table(arguments.steps, STEPS), read_table(arguments.speed, SPEED))
    critical = read_table(arguments.critical, CRITICAL)
    table = recommendation_table(cost, critical, intervals, experiments)
    others = other_optimizers(read_table(arguments.estimates, ESTIMATES), networks, experiments)
    text = recommendation_text(table, cost, intervals, others, networks, experiments)
    write_text(arguments.csv, table.to_csv(index=False))
    write_text(arguments.others, others.to_csv(index=False))
    write_text(arguments.md, text)


if __name__ == "__main__":
    run(main)
