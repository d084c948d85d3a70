"""Trains one job: one experiment, optimizer and batch size, a group of seeds."""

import argparse
import csv
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from ttur.arguments import json_value
from ttur.data.packed import PackedDataset
from ttur.devices import device_name, open_device, set_precision
from ttur.errors import run
from ttur.features import load_features
from ttur.files import atomic_path, write_json
from ttur.frechet import Reference
from ttur.networks import build
from ttur.networks.replicated import load_replica
from ttur.pixels import to_uint8, write_grid
from ttur.streams import generator as random_stream
from ttur.training.loop import HISTORY_COLUMNS, Outcome, Progress, train
from ttur.training.progress_file import ProgressFile
from ttur.training.scoring import generate
from ttur.training.state import StateFile, fingerprint
from ttur.training.world import World


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", type=json_value, required=True, help="JSON, or @file")
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True, help="of the feature network")
    parser.add_argument("--reference", type=Path, required=True, help="statistics of real images")
    parser.add_argument("--state", type=Path, required=True, help="resume state, kept on a kill")
    parser.add_argument("--history", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--samples", type=Path, required=True, help="PNG, 4 rows of 8 images")
    parser.add_argument("--generators", type=Path, required=True, help="safetensors")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--save-every", type=float, default=20.0, help="seconds between saves")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    return parser.parse_args()


def main() -> None:
    arguments = parse()
    settings = arguments.settings
    if settings["processes"] > 1 and "WORLD_SIZE" not in os.environ:
        start_processes(settings["processes"])
    torch.set_num_threads(arguments.threads)
    device = open_device(arguments.device)
    set_precision(settings["compute"]["precision"])
    world = World.join(device)
    dataset = PackedDataset.open(arguments.data_dir)
    features = load_features(settings["fid"], arguments.weights, device)
    reference = Reference.load(arguments.reference)
    state_file = StateFile(
        arguments.state, fingerprint(settings, dataset.manifest["sha256"], reference.key)
    )

    def say(line: str) -> None:
        if world.rank > 0:
            return
        job = f"{settings['experiment']} {settings['optimizer']} b={settings['batch_size']}"
        print(f"{time.strftime('%H:%M:%S')} {job}: {line}", file=sys.stderr, flush=True)

    progress_file = ProgressFile(arguments.state.with_name("progress.json"), settings)

    def watch(progress: Progress, limit: int) -> None:
        if world.rank == 0:
            progress_file(progress, limit)

    outcome = train(
        settings,
        dataset,
        features,
        reference,
        state_file,
        device,
        arguments.save_every,
        say,
        world,
        watch,
    )
    if world.rank == 0:
        write_outputs(arguments, dataset.manifest, features, outcome, device)
        progress_file.remove()
        state_file.remove()
    world.leave()


def start_processes(count: int) -> None:
    """Replaces this process by torch's launcher, which starts `count` copies of it."""
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}"]
    os.execv(sys.executable, [sys.executable, *launcher, "--", *sys.argv])


def write_outputs(
    arguments: argparse.Namespace,
    manifest: dict[str, Any],
    features: Any,
    outcome: Outcome,
    device: torch.device,
) -> None:
    """All files of the job; run.json last."""
    write_history(arguments.history, outcome)
    write_generators(arguments, outcome, manifest)
    record = run_record(arguments.settings, manifest, features, outcome, device)
    write_json(arguments.run, record)


def write_history(path: Path, outcome: Outcome) -> None:
    """One row per seed and evaluation, by seed, then step."""
    with atomic_path(path) as temporary, open(temporary, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HISTORY_COLUMNS)
        for seed, step, samples, seconds, *values in sorted(outcome.progress.rows):
            writer.writerow([seed, step, samples, f"{seconds:.2f}", *map(repr, values)])


def write_generators(
    arguments: argparse.Namespace, outcome: Outcome, manifest: dict[str, Any]
) -> None:
    """The final generator of every seed, and a grid of samples of the first seed's."""
    states = outcome.progress.generators
    tensors = {f"{s}.{name}": value.cpu() for s in states for name, value in states[s].items()}
    with atomic_path(arguments.generators) as temporary:
        save_file(tensors, temporary)
    seed = arguments.settings["seeds"][0]
    size, channels, classes = (manifest[key] for key in ("height", "channels", "classes"))
    networks = arguments.settings["networks"]
    generator, _ = build(networks, size, channels, classes, [seed])
    load_replica(generator, 0, states[seed])
    display = [random_stream(seed, "display")]
    images = generate(generator, networks["latent"], classes, display, 32, torch.device("cpu"))
    write_grid(arguments.samples, to_uint8(images[:, 0], "fixed"), columns=8)


def run_record(
    settings: dict[str, Any],
    manifest: dict[str, Any],
    features: Any,
    outcome: Outcome,
    device: torch.device,
) -> dict[str, Any]:
    """The content of run.json; numbers that are not finite are written as null."""
    progress = outcome.progress
    results = [progress.results[seed] for seed in settings["seeds"]]
    steps = sum(result["final_step"] for result in results)
    return {
        "experiment": settings["experiment"],
        "optimizer": settings["optimizer"],
        "batch_size": settings["batch_size"],
        "seeds": settings["seeds"],
        "settings": settings,
        "dataset": {key: manifest[key] for key in ("name", "images", "sha256")},
        "metric": features.metric,
        "threshold": settings["fid"]["threshold"],
        "generator_parameters": outcome.generator_parameters,
        "discriminator_parameters": outcome.discriminator_parameters,
        "results": [
            {**result, "final_fid": finite_or_none(result["final_fid"])} for result in results
        ],
        "seconds": round(progress.seconds, 2),
        "seed_steps_per_second": round(steps / max(progress.seconds, 1e-9), 2),
        "device": device_name(device),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
    }


def finite_or_none(value: float) -> float | None:
    return value if abs(value) < float("inf") else None


if __name__ == "__main__":
    run(main)
