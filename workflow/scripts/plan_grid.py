"""Prints what a configuration costs before it runs: steps, samples, hours per batch size."""

import argparse
from pathlib import Path

import pandas as pd
from critical_batch.analysis.plan import plan_table, plan_text
from critical_batch.runs.layout import throughput_files
from critical_batch.runtime.cli import json_value
from critical_batch.runtime.errors import exit_cleanly
from critical_batch.runtime.files import read_json, write_text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=json_value, required=True, help="JSON, or @file")
    parser.add_argument("--probes", type=Path, required=True, help="folder of probe records")
    parser.add_argument("--output", required=True, help="CSV")
    arguments = parser.parse_args()
    probes = [read_json(path) for path in throughput_files(arguments.probes)]
    table = plan_table(pd.DataFrame(arguments.jobs), pd.DataFrame(probes))
    write_text(arguments.output, table.to_csv(index=False))
    print(plan_text(table))


if __name__ == "__main__":
    exit_cleanly(main)
