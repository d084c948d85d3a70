"""Uncertainty of the measured numbers: seeds, noise of the distance, choice of threshold.

Reads the run.json of every training job and the history.csv beside it, the tables made of them and
the repeated evaluations; writes the tables of results/statistics.
"""

import argparse
import sys
from pathlib import Path

import pandas as pd
from critical_batch.analysis.bootstrap import bootstrap_tables
from critical_batch.analysis.fid_noise import fid_noise_table
from critical_batch.analysis.thresholds import read_history, threshold_table, trend_table
from critical_batch.runs.reading import read_run
from critical_batch.runs.record import check_beside
from critical_batch.runtime.errors import exit_cleanly
from critical_batch.runtime.files import listed_paths, write_text
from critical_batch.tables.aggregate import NETWORKS, STEPS
from critical_batch.tables.statistics import REPETITIONS

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
        "--noise", required=True, nargs="+", metavar="CSV", help="per experiment, to read"
    )
    for name in OUTPUTS:
        parser.add_argument(f"--{name}", required=True, metavar="CSV", help="file to write")
    arguments = parser.parse_args()

    repetitions = pd.concat([REPETITIONS.read(path) for path in arguments.noise])
    bootstrap, critical = bootstrap_tables(STEPS.read(arguments.steps))
    records = ((path, read_run(path)) for path in listed_paths(arguments.runs_file))
    thresholds = threshold_table(
        (record, read_history(check_beside(path, record, "history.csv"), record["stop"]["metric"]))
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
        fid_noise_table(repetitions, NETWORKS.read(arguments.networks)),
        thresholds,
        trend,
    )
    for name, table in zip(OUTPUTS, tables, strict=True):
        write_text(getattr(arguments, name.replace("-", "_")), table.to_csv(index=False))


if __name__ == "__main__":
    exit_cleanly(main)
