"""Measures the noise of both players' gradients in a short training with each optimizer."""

import argparse
import csv
import sys
import time
from pathlib import Path

import torch
from critical_batch.data.packed import PackedDataset
from critical_batch.runtime.cli import json_value
from critical_batch.runtime.devices import open_device, set_precision
from critical_batch.runtime.errors import exit_cleanly
from critical_batch.runtime.files import atomic_path
from critical_batch.tables.training import GRADIENT_NOISE
from critical_batch.training.gradient_noise import ProbePlan, probe
from critical_batch.training.job import NoiseSettings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--settings", type=json_value, required=True, help="JSON or @FILE: {steps, batches, jobs}"
    )
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--output", type=Path, required=True, help="CSV file to write")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    device = open_device(arguments.device)
    settings = NoiseSettings.from_json(arguments.settings)
    dataset = PackedDataset.open(arguments.data_dir)
    plan = ProbePlan(settings.steps, settings.batches)
    rows = []
    for recipe in settings.jobs:
        set_precision(recipe.compute.precision)
        rows += probe(recipe, dataset, plan, device)
        text = f"{recipe.experiment} {recipe.optimizer}: measured"
        print(text, file=sys.stderr, flush=True)
    with atomic_path(arguments.output) as temporary, open(temporary, "w", newline="") as file:
        writer = csv.DictWriter(file, list(GRADIENT_NOISE.columns), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(f"{time.process_time():.1f} s of processor time", file=sys.stderr)


if __name__ == "__main__":
    exit_cleanly(main)
