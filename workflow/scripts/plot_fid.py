"""Draws figures of one experiment that come from the run.json and history.csv of each job.

Writes NAME.{pdf,png,csv} of each into a folder.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from ttur.errors import run
from ttur.figures import drawing
from ttur.records import check_beside, read_record
from ttur.run_lists import listed_runs
from ttur.tables.training import HISTORY


def histories(paths: Sequence[Path]) -> pd.DataFrame:
    """The history beside each run.json, with the run's optimizer, batch size and statuses."""
    records = [read_record(path) for path in paths]
    files = [check_beside(*pair, "history.csv") for pair in zip(paths, records, strict=True)]
    tables = [HISTORY.read(file, "seed", "step", "samples", "fid") for file in files]
    rows = [len(table) for table in tables]
    table = pd.concat(tables, ignore_index=True)
    for place, name in enumerate(("optimizer", "batch_size")):
        table.insert(place, name, np.repeat([record[name] for record in records], rows))
    keys = ["optimizer", "batch_size", "seed"]
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
    run(main)
