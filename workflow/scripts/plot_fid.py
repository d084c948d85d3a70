"""Draws FID against steps, from the run.json of each job and the history.csv beside it."""

import argparse
from pathlib import Path

import pandas as pd
from ttur.arguments import add_figure_options
from ttur.errors import UserError, run
from ttur.figures import fid_figure
from ttur.files import write_text
from ttur.records import check_beside, read_record
from ttur.style import save
from ttur.tables import read_table

HISTORY = {"seed": "int64", "step": "int64", "samples": "int64", "fid": "float64"}


def history(path: Path, record: dict) -> pd.DataFrame:
    """The history beside a run.json, with the run's optimizer, batch size and statuses."""
    statuses = {result["seed"]: result["status"] for result in record["results"]}
    table = read_table(check_beside(path, record, "history.csv"), HISTORY)
    table.insert(0, "optimizer", record["optimizer"])
    table.insert(1, "batch_size", record["batch_size"])
    return table.assign(status=table["seed"].map(statuses))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", required=True, nargs="+", type=Path, metavar="RUN_JSON")
    add_figure_options(parser)
    parser.add_argument("--threshold", required=True, type=float)
    arguments = parser.parse_args()

    records = {path: read_record(path) for path in arguments.runs}
    histories = [
        history(path, record)
        for path, record in records.items()
        if record["experiment"] == arguments.experiment
    ]
    if not histories:
        raise UserError(f"no run of {arguments.experiment} among --runs: check --experiment")
    table = pd.concat(histories).sort_values(["optimizer", "batch_size", "seed", "step"])
    figure = fid_figure(
        table,
        title=f"{arguments.section} {arguments.title}",
        metric=arguments.metric,
        threshold=arguments.threshold,
    )
    write_text(arguments.data, table.to_csv(index=False))
    save(figure, arguments.output_pdf, arguments.output_png)


if __name__ == "__main__":
    run(main)
