"""Draws the figures of all experiments together: critical batch sizes and gradient noise scales.

Writes {critical,noise_scale}.{pdf,png,csv} into a folder.
"""

import argparse
from pathlib import Path

from ttur.errors import run
from ttur.figures.columns import COMPARISON, NOISE_SCALE
from ttur.figures.critical import critical_figure
from ttur.figures.noise_scale import noise_scale_figure
from ttur.style import write
from ttur.tables import read_table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("comparison", "noise-scale"):
        parser.add_argument(f"--{name}", required=True, metavar="CSV", help="table to read")
    parser.add_argument("--output-dir", required=True, type=Path, metavar="FOLDER")
    arguments = parser.parse_args()

    comparison = read_table(arguments.comparison, COMPARISON)
    noise = read_table(arguments.noise_scale, NOISE_SCALE)
    write(critical_figure(comparison), comparison, arguments.output_dir, "critical")
    write(noise_scale_figure(noise, comparison), noise, arguments.output_dir, "noise_scale")


if __name__ == "__main__":
    run(main)
