"""Noise scales and what Proposition 3.4 makes of them, from the probes: noise_scale.csv."""

import argparse

import pandas as pd
from critical_batch.analysis.noise_scale import noise_scale_table
from critical_batch.runtime.cli import json_value
from critical_batch.runtime.errors import exit_cleanly
from critical_batch.runtime.files import write_text
from critical_batch.tables.training import GRADIENT_NOISE


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--probes", nargs="+", required=True, metavar="CSV")
    parser.add_argument(
        "--experiments", required=True, type=json_value, metavar="JSON", help="JSON or @FILE"
    )
    parser.add_argument("--output", required=True, metavar="CSV", help="file to write")
    arguments = parser.parse_args()
    probes = pd.concat([GRADIENT_NOISE.read(path) for path in arguments.probes])
    write_text(
        arguments.output, noise_scale_table(probes, arguments.experiments).to_csv(index=False)
    )


if __name__ == "__main__":
    exit_cleanly(main)
