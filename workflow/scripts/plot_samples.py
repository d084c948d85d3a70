"""Draws figures of one experiment with images of the final generators beside real ones.

Reads each run.json and the samples.png beside it, which shows the first seed of the run. Writes
NAME.{pdf,png,csv} of each figure into a folder.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from critical_batch.reporting.figures import drawing
from critical_batch.reporting.figures.sheets import FinalImages, tiles
from critical_batch.runs.index import first_seeds, listed_runs
from critical_batch.runtime.errors import UserError, exit_cleanly
from critical_batch.tables.aggregate import CRITICAL
from PIL import Image

REAL = 32
"""How many real images are drawn: as many as a sheet holds."""


def read_tiles(path: Path) -> np.ndarray:
    """The samples of a sheet, uint8 [32, H, W, C]. UserError where it is missing or damaged."""
    try:
        with Image.open(path) as image:
            sheet = np.asarray(image if image.mode == "L" else image.convert("RGB"))
        return tiles(sheet)
    except FileNotFoundError:
        raise UserError(f"{path} is missing: run the rule that makes it") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UserError(f"{path} is not a sheet of samples ({error}): run its job again") from None


def read_real(path: Path) -> np.ndarray:
    """`REAL` images of a packed data set, or all where it has fewer, uint8 [n, H, W, C].

    Always the same ones; drawn at random, because data sets may be sorted by class.
    """
    try:
        images = np.load(path, mmap_mode="r", allow_pickle=False)
        drawn = np.random.default_rng(0).permutation(len(images))[:REAL]
        return np.array(images[drawn])
    except FileNotFoundError:
        raise UserError(f"{path} is missing: run the rule that makes it") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path} is damaged ({error}): delete it and run again") from None


def final(path: Path, record: dict[str, Any]) -> dict[str, Any]:
    """How the seed that samples.png shows ended, and where the sheet is."""
    seed = record["seeds"][0]
    result = next(result for result in record["results"] if result["seed"] == seed)
    ending = {key: result[key] for key in ("seed", "status", "final_step", "final_value")}
    names = {key: record[key] for key in ("optimizer", "batch_size")}
    return {**names, **ending, "sheet": path.with_name("samples.png")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--runs-file",
        required=True,
        type=Path,
        metavar="LIST",
        help="paths of run.json, a line each",
    )
    parser.add_argument("--critical", required=True, metavar="CSV", help="critical.csv to read")
    parser.add_argument("--images", required=True, type=Path, metavar="NPY", help="real images")
    drawing.add_figures(parser)
    drawing.add_label(parser)
    arguments = parser.parse_args()

    paths = listed_runs(arguments.runs_file, arguments.experiment)
    finals = pd.DataFrame([final(*pair) for pair in first_seeds(paths)])
    finals = finals.astype({"final_value": "float64"})
    critical = CRITICAL.read(arguments.critical, floats=True)
    critical = critical[critical["experiment"] == arguments.experiment]
    sizes = critical.set_index("optimizer")["critical_batch_size"]
    images = FinalImages(read_real(arguments.images), finals, sizes, read_tiles)
    label = drawing.label_of(arguments)
    drawing.draw_figures(arguments.figures, arguments.output_dir, images, label)


if __name__ == "__main__":
    exit_cleanly(main)
