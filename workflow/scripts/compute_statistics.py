"""Uncertainty of the measured numbers: seeds, the noise of the FID, and the choice of threshold.

Reads the run.json of every training job and the history.csv beside it, the tables made of them and
the repeated scores; writes the tables of results/statistics.
"""

import argparse
import sys
from pathlib import Path

import pandas as pd
from ttur.bootstrap import bootstrap_tables
from ttur.errors import run
from ttur.fid_noise import fid_noise_table
from ttur.files import listed, write_text
from ttur.records import check_beside, read_record
from ttur.tables.aggregate import NETWORKS, STEPS
from ttur.tables.statistics import FID_SCORES
from ttur.thresholds import read_history, threshold_table, trend_table

OUTPUTS = ("bootstrap", "critical", "fid-noise", "threshold", "threshold-trend")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--runs-file",
        type=Path,
        required=True,
        metavar="LIST",
        help="paths of run.json, one a line",
    )
    parser.add_argument("--steps", required=True, metavar="CSV", help="steps.csv to read")
    parser.add_argument("--networks", required=True, metavar="CSV", help="networks.csv to read")
    parser.add_argument(
        "--noise", required=True, nargs="+", metavar="CSV", help="repeated scores, per experiment"
    )
    for name in OUTPUTS:
        parser.add_argument(f"--{name}", required=True, metavar="CSV", help="file to write")
    arguments = parser.parse_args()

    scores = pd.concat([FID_SCORES.read(path) for path in arguments.noise])
    bootstrap, critical = bootstrap_tables(STEPS.read(arguments.steps))
    records = ((path, read_record(path)) for path in listed(arguments.runs_file))
    thresholds = threshold_table(
        (record, read_history(check_beside(path, record, "history.csv")))
        for path, record in records
    )
    trend = trend_table(thresholds)
    for row in trend.dropna().itertuples():
        falls = "grows as the threshold falls" if row.kendall_tau < 0 else "does not grow so"
        print(
            f"{row.experiment} {row.optimizer}: critical batch size {falls}, "
            f"{row.size_at_highest} to {row.size_at_lowest}, Kendall's tau {row.kendall_tau:.2f}",
            file=sys.stderr,
        )
    tables = (
        bootstrap,
        critical,
        fid_noise_table(scores, NETWORKS.read(arguments.networks)),
        thresholds,
        trend,
    )
    for name, table in zip(OUTPUTS, tables, strict=True):
        write_text(getattr(arguments, name.replace("-", "_")), table.to_csv(index=False))


if __name__ == "__main__":
    run(main)
