"""Draws the figures of one experiment that come from tables.

Writes {steps,sfo,cost,thresholds,fid_noise}.{pdf,png,csv} into a folder.
"""

import argparse

import pandas as pd
from ttur.arguments import add_figure_options
from ttur.errors import UserError, run
from ttur.figures.cost import cost_figure, cost_table
from ttur.figures.fid_noise import fid_noise_figure
from ttur.figures.sfo import critical_with_interval, sfo_figure
from ttur.figures.shared import points
from ttur.figures.steps import steps_figure
from ttur.figures.thresholds import thresholds_figure
from ttur.style import write
from ttur.tables.aggregate import CRITICAL, SPEED, STEPS
from ttur.tables.statistics import BOOTSTRAP, CRITICAL_INTERVALS, FID_SCORES, THRESHOLD
from ttur.tables.theory import CENSORED_FIT

TABLES = {
    "steps": STEPS,
    "critical": CRITICAL,
    "speed": SPEED,
    "bootstrap": BOOTSTRAP,
    "intervals": CRITICAL_INTERVALS,
    "thresholds": THRESHOLD,
    "fit": CENSORED_FIT,
    "scores": FID_SCORES,
}
"""Option -> the table that it names."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in TABLES:
        parser.add_argument(f"--{name}", required=True, metavar="CSV", help="table to read")
    add_figure_options(parser)
    parser.add_argument("--threshold", required=True, type=float)
    arguments = parser.parse_args()

    tables: dict[str, pd.DataFrame] = {}
    for name, contract in TABLES.items():
        table = contract.read(getattr(arguments, name), floats=True)
        tables[name] = table[table["experiment"] == arguments.experiment]
    if tables["steps"].empty:
        raise UserError(f"{arguments.steps} lacks {arguments.experiment}: check --experiment")
    label = {
        "title": f"{arguments.section} {arguments.title}",
        "metric": arguments.metric,
        "threshold": arguments.threshold,
    }

    medians = (tables["steps"], tables["bootstrap"], tables["fit"])
    figure = steps_figure(*medians, **label)
    write(figure, points(*medians, "steps"), arguments.output_dir, "steps")

    critical = critical_with_interval(tables["critical"], tables["intervals"])
    figure = sfo_figure(*medians, critical, **label)
    sizes = critical.rename(columns={"low": "critical_low", "high": "critical_high"})
    data = points(*medians, "sfo").merge(sizes, how="left", on="optimizer")
    write(figure, data, arguments.output_dir, "sfo")

    costs = cost_table(tables["bootstrap"], tables["speed"])
    write(cost_figure(costs, **label), costs, arguments.output_dir, "cost")

    thresholds = tables["thresholds"].drop(columns=["seeds", "seeds_reached"])
    scores = tables["scores"]
    write(thresholds_figure(thresholds, **label), thresholds, arguments.output_dir, "thresholds")
    write(fid_noise_figure(scores, **label), scores, arguments.output_dir, "fid_noise")


if __name__ == "__main__":
    run(main)
