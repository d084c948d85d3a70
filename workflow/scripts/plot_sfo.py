"""Draws the SFO complexity b N(b) of one experiment, and its critical batch sizes."""

import argparse

from ttur.aggregate import CRITICAL, STEPS
from ttur.arguments import add_figure_options
from ttur.errors import UserError, run
from ttur.figures import points, sfo_figure
from ttur.files import write_text
from ttur.style import save
from ttur.tables import read_table
from ttur.theory import FIT


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("steps", "critical", "fit"):
        parser.add_argument(f"--{name}", required=True, metavar="CSV", help=f"{name}.csv to read")
    add_figure_options(parser)
    parser.add_argument("--threshold", required=True, type=float)
    arguments = parser.parse_args()

    steps, critical, fit = (
        table[table["experiment"] == arguments.experiment]
        for table in (
            read_table(arguments.steps, STEPS),
            read_table(arguments.critical, CRITICAL),
            read_table(arguments.fit, FIT),
        )
    )
    if steps.empty:
        raise UserError(f"{arguments.steps} lacks {arguments.experiment}: check --experiment")
    figure = sfo_figure(
        steps,
        critical,
        fit,
        title=f"{arguments.section} {arguments.title}",
        metric=arguments.metric,
        threshold=arguments.threshold,
    )
    keys = ["optimizer", "critical_batch_size", "at_edge"]
    data = points(steps, fit, "sfo").merge(critical[keys], how="left", on="optimizer")
    write_text(arguments.data, data.to_csv(index=False))
    save(figure, arguments.output_pdf, arguments.output_png)


if __name__ == "__main__":
    run(main)
