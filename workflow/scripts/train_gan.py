"""Trains one job: one experiment, optimizer and batch size, a group of seeds."""

import argparse
import contextlib
import csv
import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ttur.training.signals import Stopped, StopRequest

STOP = StopRequest.watch(importing=True)  # before the imports that take seconds

import torch
from safetensors.torch import save as serialised
from ttur.allocator import keep_freed_memory
from ttur.arguments import json_value
from ttur.code import code_digest
from ttur.data.packed import PackedDataset
from ttur.devices import device_name, open_device, set_precision
from ttur.errors import run
from ttur.features import FeatureNetwork, load_features, load_reference, statistics_key
from ttur.files import atomic_path
from ttur.frechet import Reference
from ttur.gpu_slots import take_gpus
from ttur.networks import build
from ttur.networks.replicated import load_replica
from ttur.pixels import to_uint8, write_grid
from ttur.records import write_record
from ttur.streams import generator as random_stream
from ttur.training.fit import check_fit
from ttur.training.labels import SampleLabels
from ttur.training.launch import run_processes
from ttur.training.lock import JobLock
from ttur.training.loop import HISTORY_COLUMNS, Outcome, Progress, train
from ttur.training.memory import out_of_memory
from ttur.training.progress_file import ProgressFile
from ttur.training.scoring import draw, generate
from ttur.training.state import StateFile, fingerprint
from ttur.training.world import World

STOP.imports_are_done()


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
    settings, rank = arguments.settings, int(os.environ.get("RANK", "0"))
    alone = "WORLD_SIZE" not in os.environ

    def say(line: str) -> None:
        job = f"{settings['experiment']} {settings['optimizer']} b={settings['batch_size']}"
        if rank == 0:
            with contextlib.suppress(OSError):  # a log that cannot grow ends no training
                print(f"{time.strftime('%H:%M:%S')} {job}: {line}", file=sys.stderr, flush=True)

    dataset, fid = PackedDataset.checked(arguments.data_dir), settings["fid"]
    check_fit(settings, dataset.manifest, "batch_sizes")
    features = load_features(fid, arguments.weights)
    key = statistics_key(dataset.manifest, fid, arguments.weights, fid["pixel_map"])
    reference = load_reference(arguments.reference, key)
    made_from = [settings, dataset.manifest["sha256"], reference.key]
    job = fingerprint(made_from, code_digest(__file__), torch.__version__)
    with contextlib.ExitStack() as stack:
        if rank == 0:
            lock = stack.enter_context(JobLock(arguments.state.with_suffix(".lock"), job, say))
            if alone and lock.followed == job and is_finished(arguments):
                say("that process has finished the job")
                return
        if alone and settings["processes"] > 1:
            stack.close()  # the first of the processes takes the lock
            if arguments.device == "cuda":
                take_gpus(settings["processes"])
            run_processes(settings["processes"])
        else:
            train_job(arguments, dataset, features, reference, StateFile(arguments.state, job), say)


def train_job(
    arguments: argparse.Namespace,
    dataset: PackedDataset,
    features: FeatureNetwork,
    reference: Reference,
    state_file: StateFile,
    say: Callable[[str], None],
) -> None:
    """Trains, writes the outputs, removes the state."""
    settings = arguments.settings
    keep_freed_memory()
    torch.set_num_threads(arguments.threads)
    device = open_device(arguments.device)
    set_precision(settings["compute"]["precision"])
    features = features.to(device)
    world = World.join(device)
    if world.rank > 0:
        STOP.follow()
    progress_file = ProgressFile(arguments.state.with_name("progress.json"), settings)

    def watch(progress: Progress, limit: int) -> None:
        if world.rank == 0:
            progress_file(progress, limit)

    try:
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
            STOP,
            watch,
        )
    except (Stopped, MemoryError, RuntimeError) as error:
        if world.size > 1 and STOP.status is not None:
            os._exit(STOP.status)  # the others wait for a message: no orderly goodbye
        raise out_of_memory(settings, error) or error from None
    if world.rank == 0:
        write_outputs(arguments, dataset, features, outcome, device)
        progress_file.remove()
        state_file.remove()
    world.leave()


def is_finished(arguments: argparse.Namespace) -> bool:
    """Whether the job's outputs are all there, and no state of a job that goes on."""
    outputs = (arguments.history, arguments.run, arguments.samples, arguments.generators)
    return all(path.exists() for path in outputs) and not arguments.state.exists()


def write_outputs(
    arguments: argparse.Namespace,
    dataset: PackedDataset,
    features: Any,
    outcome: Outcome,
    device: torch.device,
) -> None:
    """All files of the job; run.json last."""
    write_history(arguments.history, outcome)
    write_generators(arguments, outcome, dataset)
    record = run_record(arguments.settings, dataset.manifest, features, outcome, device)
    write_record(arguments.run, record, [arguments.history, arguments.generators])


def write_history(path: Path, outcome: Outcome) -> None:
    """One row per seed and evaluation, by seed, then step."""
    with atomic_path(path) as temporary, open(temporary, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HISTORY_COLUMNS)
        for seed, step, samples, *values in sorted(outcome.progress.rows):
            writer.writerow([seed, step, samples, *map(repr, values)])


def write_generators(
    arguments: argparse.Namespace, outcome: Outcome, dataset: PackedDataset
) -> None:
    """The final generator of every seed, and a grid of samples of the first seed's."""
    states = outcome.progress.generators
    tensors = {f"{s}.{name}": value.cpu() for s in states for name, value in states[s].items()}
    with atomic_path(arguments.generators) as temporary:
        # Not safetensors' own save_file, whose error on a full disk is no OSError.
        temporary.write_bytes(serialised(tensors))
    settings, manifest = arguments.settings, dataset.manifest
    seed, networks = settings["seeds"][0], settings["networks"]
    size, channels, classes = (manifest[key] for key in ("height", "channels", "classes"))
    generator, _ = build(networks, size, channels, classes, [seed])
    load_replica(generator, 0, states[seed])
    # Classes as often as in the scores: figures show these beside images drawn from the data.
    labels = SampleLabels.of(settings["labels"], dataset.labels, classes)
    inputs = draw(networks["latent"], labels, 32, random_stream(seed, "display"))
    write_grid(arguments.samples, to_uint8(generate(generator, 0, inputs), "fixed"), columns=8)


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
        "evaluation_seconds": round(progress.evaluation_seconds, 2),
        "seed_steps_per_second": round(steps / max(progress.seconds, 1e-9), 2),
        "device": device_name(device),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
    }


def finite_or_none(value: float) -> float | None:
    return value if abs(value) < float("inf") else None


if __name__ == "__main__":
    run(main)
