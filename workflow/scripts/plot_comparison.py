"""Draws the figures of all experiments together: critical batch sizes and gradient noise scales.

Writes {critical,noise_scale}.{pdf,png,csv} into a folder.
"""

import argparse
from pathlib import Path

from ttur.errors import run
from ttur.figures.critical import critical_figure
from ttur.figures.noise_scale import noise_scale_figure
from ttur.style import write
from ttur.tables.theory import COMPARISON, NOISE_SCALE

COMPARED = [name for name in COMPARISON.columns if name != "estimated"]
NOISE = ("experiment", "optimizer", "player", "step", "noise_scale", "low", "high")
"""Columns that the figures show."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("comparison", "noise-scale"):
        parser.add_argument(f"--{name}", required=True, metavar="CSV", help="table to read")
    parser.add_argument("--output-dir", required=True, type=Path, metavar="FOLDER")
    arguments = parser.parse_args()

    comparison = COMPARISON.read(arguments.comparison, *COMPARED, floats=True)
    noise = NOISE_SCALE.read(arguments.noise_scale, *NOISE)
    write(critical_figure(comparison), comparison, arguments.output_dir, "critical")
    write(noise_scale_figure(noise, comparison), noise, arguments.output_dir, "noise_scale")


if __name__ == "__main__":
    run(main)
