"""Gathers the run.json and evaluation.csv of all training jobs into the tables of the workflow.

A training job has a folder, {experiment}/{optimizer}/b{size}/seeds_{seeds}, with one run.json;
evaluation.csv lies in the folder of its optimizer.
"""

import argparse
from pathlib import Path

import pandas as pd
from ttur.aggregate import (
    SCORES,
    critical_table,
    evaluation_table,
    networks_table,
    speed_table,
    steps_table,
)
from ttur.errors import run
from ttur.files import listed, write_text
from ttur.records import read_record
from ttur.tables import read_table


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

    paths = arguments.runs or listed(arguments.runs_file)
    runs = [read_record(path) for path in paths]
    optimizers = dict.fromkeys(path.absolute().parents[2] for path in paths)
    scores = pd.concat([read_table(each / "evaluation.csv", SCORES) for each in optimizers])
    steps = steps_table(runs)
    tables = {
        arguments.steps: steps,
        arguments.critical: critical_table(steps),
        arguments.networks: networks_table(runs),
        arguments.evaluation: evaluation_table(runs, scores),
        arguments.speed: speed_table(runs),
    }
    for path, table in tables.items():
        write_text(path, table.to_csv(index=False))


if __name__ == "__main__":
    run(main)
