"""Draws FID against steps and against samples, from the run.json and history.csv of each job.

Writes {fid,fid_samples}.{pdf,png,csv} into a folder.
"""

import argparse
from pathlib import Path

import pandas as pd
from ttur.arguments import add_figure_options
from ttur.errors import run
from ttur.figures.fid import fid_figure
from ttur.files import read_json
from ttur.records import listed_runs
from ttur.style import write
from ttur.tables import read_table

HISTORY = {"seed": "int64", "step": "int64", "samples": "int64", "fid": "float64"}


def history(path: Path) -> pd.DataFrame:
    """The history beside a run.json, with the run's optimizer, batch size and statuses."""
    record = read_json(path)
    statuses = {result["seed"]: result["status"] for result in record["results"]}
    table = read_table(path.with_name("history.csv"), HISTORY)
    table.insert(0, "optimizer", record["optimizer"])
    table.insert(1, "batch_size", record["batch_size"])
    return table.assign(status=table["seed"].map(statuses))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--runs-file",
        required=True,
        type=Path,
        metavar="LIST",
        help="paths of run.json, a line each",
    )
    add_figure_options(parser)
    parser.add_argument("--threshold", required=True, type=float)
    arguments = parser.parse_args()

    paths = listed_runs(arguments.runs_file, arguments.experiment)
    table = pd.concat(map(history, paths), ignore_index=True)
    table = table.sort_values(["optimizer", "batch_size", "seed", "step"])
    label = {
        "title": f"{arguments.section} {arguments.title}",
        "metric": arguments.metric,
        "threshold": arguments.threshold,
    }
    for against, name in (("step", "fid"), ("samples", "fid_samples")):
        figure = fid_figure(table, against=against, **label)
        other = {"step": "samples", "samples": "step"}[against]
        write(figure, table.drop(columns=other), arguments.output_dir, name)


if __name__ == "__main__":
    run(main)
