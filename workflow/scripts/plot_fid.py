"""Draws figures of one experiment that come from the run.json and history.csv of each job.

Writes NAME.{pdf,png,csv} of each into a folder.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from critical_batch.reporting.figures import drawing
from critical_batch.runs.index import listed_runs
from critical_batch.runs.reading import read_run, read_values
from critical_batch.runs.record import check_beside
from critical_batch.runtime.errors import exit_cleanly


def histories(paths: Sequence[Path]) -> pd.DataFrame:
    """The distances in the history beside each run.json, by the metric that stops the training.

    With the run's optimizer, batch size and statuses, and the images seen (samples).
    """
    records = [read_run(path) for path in paths]
    keys = ["optimizer", "batch_size", "seed"]
    table = pd.DataFrame(
        [
            (record["optimizer"], size, seed, step, step * size, distance)
            for path, record in zip(paths, records, strict=True)
            for size in [record["batch_size"]]
            for seed, step, distance in read_values(
                check_beside(path, record, "history.csv"), record["stop"]["metric"]
            )
        ],
        columns=[*keys, "step", "samples", "distance"],
    )
    endings = pd.DataFrame(
        [
            (record["optimizer"], record["batch_size"], result["seed"], result["status"])
            for record in records
            for result in record["results"]
        ],
        columns=[*keys, "status"],
    )
    table = table.merge(endings, how="left", on=keys, validate="many_to_one")
    return table.sort_values([*keys, "step"], ignore_index=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--runs-file",
        required=True,
        type=Path,
        metavar="LIST",
        help="paths of run.json, a line each",
    )
    drawing.add_figures(parser)
    drawing.add_label(parser)
    arguments = parser.parse_args()

    table = histories(listed_runs(arguments.runs_file, arguments.experiment))
    label = drawing.label_of(arguments)
    drawing.draw_figures(arguments.figures, arguments.output_dir, table, label)


if __name__ == "__main__":
    exit_cleanly(main)
