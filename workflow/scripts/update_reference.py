"""Keeps a finished run as the reference: its tables, manifest and the README's picture and table.

The README's numbers are then those of one run whose manifest lies beside them.
"""

import argparse
import shutil
from pathlib import Path

from critical_batch.reporting.pages.reference import KEPT, readme_table, with_table
from critical_batch.runtime.errors import UserError, exit_cleanly
from critical_batch.runtime.files import atomic_path, read_json, write_text
from critical_batch.tables.aggregate import CRITICAL
from critical_batch.tables.results import TABLE3
from critical_batch.tables.theory import ESTIMATES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--reference", type=Path, default=Path("docs/reference"))
    parser.add_argument("--readme", type=Path, default=Path("README.md"))
    parser.add_argument("--figure", default="dcgan-fashion/sfo", help="the README's picture")
    arguments = parser.parse_args()

    results, reference = arguments.results, arguments.reference
    picture = arguments.figure.replace("/", "-")
    kept = KEPT | {
        f"figures/{arguments.figure}.{suffix}": f"{picture}.{suffix}" for suffix in ("png", "csv")
    }
    missing = [name for name in kept if not (results / name).is_file()]
    if missing:
        raise UserError(f"{results / missing[0]} is missing: finish the run first (make reproduce)")
    config = read_json(results / "manifest.json")["config"]
    table = readme_table(
        TABLE3.read(results / "tables/table3.csv"),
        CRITICAL.read(results / "aggregate/critical.csv"),
        ESTIMATES.read(results / "theory/estimates.csv"),
        {name: settings["title"] for name, settings in config["experiments"].items()},
    )
    text = with_table(arguments.readme.read_text(encoding="utf-8"), table)
    for source, name in kept.items():
        with atomic_path(reference / name) as temporary:
            shutil.copyfile(results / source, temporary)
    write_text(arguments.readme, text)


if __name__ == "__main__":
    exit_cleanly(main)
