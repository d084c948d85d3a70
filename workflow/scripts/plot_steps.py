"""Draws the steps N(b) that one experiment needed, against batch size."""

import argparse

from ttur.aggregate import STEPS
from ttur.arguments import add_figure_options
from ttur.errors import UserError, run
from ttur.figures import points, steps_figure
from ttur.files import write_text
from ttur.style import save
from ttur.tables import read_table
from ttur.theory import FIT


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("steps", "fit"):
        parser.add_argument(f"--{name}", required=True, metavar="CSV", help=f"{name}.csv to read")
    add_figure_options(parser)
    parser.add_argument("--threshold", required=True, type=float)
    arguments = parser.parse_args()

    steps, fit = (
        table[table["experiment"] == arguments.experiment]
        for table in (read_table(arguments.steps, STEPS), read_table(arguments.fit, FIT))
    )
    if steps.empty:
        raise UserError(f"{arguments.steps} lacks {arguments.experiment}: check --experiment")
    figure = steps_figure(
        steps,
        fit,
        title=f"{arguments.section} {arguments.title}",
        metric=arguments.metric,
        threshold=arguments.threshold,
    )
    write_text(arguments.data, points(steps, fit, "steps").to_csv(index=False))
    save(figure, arguments.output_pdf, arguments.output_png)


if __name__ == "__main__":
    run(main)
