"""Draws samples of one optimizer per batch size, from each run.json and the samples.png beside it.

The sheets are of the first seed of a run; where the seeds of a batch size are spread over several
runs, the run with the smallest first seed is shown.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from ttur.arguments import add_figure_options
from ttur.errors import UserError, run
from ttur.figures import samples_figure, tiles
from ttur.files import write_text
from ttur.records import read_record
from ttur.style import save


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


def final(record: dict) -> dict:
    """How the seed that samples.png shows ended."""
    seed = record["seeds"][0]
    result = next(result for result in record["results"] if result["seed"] == seed)
    keys = ("seed", "status", "final_step", "final_fid")
    return {"batch_size": record["batch_size"], **{key: result[key] for key in keys}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", required=True, nargs="+", type=Path, metavar="RUN_JSON")
    add_figure_options(parser)
    parser.add_argument("--optimizer", required=True, metavar="TEXT")
    arguments = parser.parse_args()

    wanted = (arguments.experiment, arguments.optimizer)
    records = [(path, read_record(path)) for path in arguments.runs]
    records = [(p, r) for p, r in records if (r["experiment"], r["optimizer"]) == wanted]
    if not records:
        raise UserError(f"no run of {'/'.join(wanted)} among --runs: check --optimizer")
    records.sort(key=lambda pair: pair[1]["seeds"][0])
    shown: dict[int, tuple[Path, dict]] = {}
    for path, record in records:
        shown.setdefault(record["batch_size"], (path, record))
    finals = pd.DataFrame([final(record) for _, record in shown.values()])
    finals = finals.astype({"final_fid": "float64"}).sort_values("batch_size")
    samples = {size: read_tiles(path.with_name("samples.png")) for size, (path, _) in shown.items()}
    figure = samples_figure(
        samples,
        finals,
        optimizer=arguments.optimizer,
        title=f"{arguments.section} {arguments.title}",
        metric=arguments.metric,
    )
    write_text(arguments.data, finals.to_csv(index=False))
    save(figure, arguments.output_pdf, arguments.output_png)


if __name__ == "__main__":
    run(main)
