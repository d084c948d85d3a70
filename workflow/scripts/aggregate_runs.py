"""Gathers the run.json and evaluation.csv of all training jobs into the tables of the workflow.

A training job has a folder with one run.json; evaluation.csv lies in the folder of its optimizer
(`critical_batch.runs.layout`).
"""

import argparse
from pathlib import Path

import pandas as pd
from critical_batch.analysis.aggregate import (
    critical_table,
    evaluation_table,
    networks_table,
    speed_table,
    steps_table,
)
from critical_batch.runs.layout import evaluation_of
from critical_batch.runs.reading import read_run
from critical_batch.runtime.errors import exit_cleanly
from critical_batch.runtime.files import listed_paths, write_text
from critical_batch.tables.training import EVALUATIONS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--runs", nargs="+", type=Path, metavar="RUN_JSON")
    source.add_argument(
        "--runs-file", type=Path, metavar="LIST", help="paths of run.json, a line each"
    )
    for name in ("steps", "critical", "networks", "evaluation", "speed"):
        parser.add_argument(f"--{name}", required=True, metavar="CSV", help="file to write")
    arguments = parser.parse_args()

    paths = arguments.runs or listed_paths(arguments.runs_file)
    runs = [read_run(path) for path in paths]
    evaluations = pd.concat(map(EVALUATIONS.read, dict.fromkeys(map(evaluation_of, paths))))
    steps = steps_table(runs)
    tables = {
        arguments.steps: steps,
        arguments.critical: critical_table(steps),
        arguments.networks: networks_table(runs),
        arguments.evaluation: evaluation_table(runs, evaluations),
        arguments.speed: speed_table(runs),
    }
    for path, table in tables.items():
        write_text(path, table.to_csv(index=False))


if __name__ == "__main__":
    exit_cleanly(main)
