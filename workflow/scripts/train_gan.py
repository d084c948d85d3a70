"""Trains one job: one experiment, optimizer and batch size, a group of seeds."""

import argparse
import contextlib
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from critical_batch.training.signals import Stopped, StopRequest

STOP = StopRequest.watch(importing=True)  # before the imports that take seconds

import torch
from critical_batch.data.labels import SampleLabels
from critical_batch.data.packed import PackedDataset
from critical_batch.data.shape import ImageShape
from critical_batch.metrics import Distance, label, load_distances
from critical_batch.metrics.evaluator import draw, generate
from critical_batch.metrics.features.loading import FeatureNetwork, load_features, statistics_key
from critical_batch.metrics.pixels import to_uint8, write_grid
from critical_batch.networks.build import build
from critical_batch.networks.replicated import load_replica
from critical_batch.registries.code_digest import code_digest
from critical_batch.registries.outside import versions_of
from critical_batch.runs.record import write_record
from critical_batch.runtime.cli import json_value
from critical_batch.runtime.devices import device_name, open_device, set_precision
from critical_batch.runtime.errors import exit_cleanly
from critical_batch.runtime.files import atomic_path
from critical_batch.runtime.gpu_slots import take_gpus
from critical_batch.runtime.malloc import keep_freed_memory
from critical_batch.runtime.streams import generator as random_stream
from critical_batch.tables.training import HISTORY
from critical_batch.training.fit import check_fit
from critical_batch.training.history import TrainingState
from critical_batch.training.job import TrainingJob, entries_of
from critical_batch.training.job_lock import JobLock
from critical_batch.training.launch import run_processes
from critical_batch.training.loop import Outcome, train
from critical_batch.training.memory import out_of_memory
from critical_batch.training.progress_file import ProgressFile
from critical_batch.training.resume_state import StateFile, fingerprint
from critical_batch.training.world import World
from safetensors.torch import save as serialised
from torch import Tensor

STOP.imports_are_done()


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", type=json_value, required=True, help="JSON, or @file")
    parser.add_argument("--dry-run", action="store_true", help="print the job, train nothing")
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True, help="of the feature network")
    parser.add_argument(
        "--reference",
        type=Path,
        nargs="+",
        required=True,
        metavar="NPZ",
        help="statistics of real images, for every metric: that of stop, the others in their order",
    )
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
    job, rank = TrainingJob.from_json(arguments.settings), int(os.environ.get("RANK", "0"))
    alone = "WORLD_SIZE" not in os.environ
    if arguments.dry_run:
        print(json.dumps(job.to_json(), indent=2))
        return

    def log_line(line: str) -> None:
        if rank == 0:
            with contextlib.suppress(OSError):  # a log that cannot grow ends no training
                text = f"{time.strftime('%H:%M:%S')} {job.name}: {line}"
                print(text, file=sys.stderr, flush=True)

    dataset, fid = PackedDataset.checked(arguments.data_dir), job.fid
    check_fit(job, dataset.manifest, "batch_sizes")
    features = load_features(fid.network, arguments.weights)
    key = statistics_key(dataset.manifest, fid.network, arguments.weights, fid.pixel_map)
    distances = load_distances(job.metric_settings, arguments.reference, key, job.experiment)
    made_from = [job.to_json(), dataset.manifest["sha256"], key]
    made_by = fingerprint(made_from, code_digest(__file__, entries_of(job)), torch.__version__)
    with contextlib.ExitStack() as stack:
        if rank == 0:
            lock = stack.enter_context(
                JobLock(arguments.state.with_suffix(".lock"), made_by, log_line)
            )
            if alone and lock.followed == made_by and is_finished(arguments):
                log_line("that process has finished the job")
                return
        if alone and job.processes > 1:
            stack.close()  # the first of the processes takes the lock
            if arguments.device == "cuda":
                take_gpus(job.processes)
            run_processes(job.processes)
            return
        state_file = StateFile(arguments.state, made_by)
        judged = Judged(dataset, features, distances)
        train_job(job, arguments, judged, state_file, log_line=log_line, stop=STOP)


class Judged(NamedTuple):
    """The data set of a job, and what its generators are compared with."""

    dataset: PackedDataset
    features: FeatureNetwork
    distances: Mapping[str, Distance]


def train_job(
    job: TrainingJob,
    arguments: argparse.Namespace,
    judged: Judged,
    state_file: StateFile,
    *,
    log_line: Callable[[str], None],
    stop: StopRequest,
) -> None:
    """Trains, writes the outputs, removes the state. stop: the signals of this process."""
    keep_freed_memory()
    torch.set_num_threads(arguments.threads)
    device = open_device(arguments.device)
    set_precision(job.compute.precision)
    dataset, features, distances = judged
    features = features.to(device)
    world = World.join(device)
    if world.rank > 0:
        stop.follow()
    progress_file = ProgressFile(arguments.state.with_name("progress.json"), job)
    log_line(f"the job: {json.dumps(job.to_json())}")

    def on_progress(state: TrainingState, last_step: int) -> None:
        if world.rank == 0:
            progress_file(state, last_step)

    try:
        outcome = train(
            job,
            dataset,
            features,
            distances,
            state_file=state_file,
            device=device,
            save_every=arguments.save_every,
            log_line=log_line,
            world=world,
            stop=stop,
            on_progress=on_progress,
        )
    except (Stopped, MemoryError, RuntimeError) as error:
        if world.size > 1 and stop.status is not None:
            os._exit(stop.status)  # the others wait for a message, which nobody sends any more
        raise out_of_memory(job, error) or error from None
    if world.rank == 0:
        # By seed, then step; the numbers of an evaluation stay in their order.
        HISTORY.write(arguments.history, sorted(outcome.state.rows, key=itemgetter(0, 1)))
        write_generators(arguments.generators, outcome.state.generators)
        write_samples(arguments.samples, job, dataset, outcome.state.generators)
        record = run_record(job, dataset.manifest, outcome, device)
        write_record(arguments.run, record, [arguments.history, arguments.generators])
        progress_file.remove()
        state_file.remove()
    world.leave()


def is_finished(arguments: argparse.Namespace) -> bool:
    """Whether the job's outputs are all there, and no state of a job that goes on."""
    outputs = (arguments.history, arguments.run, arguments.samples, arguments.generators)
    return all(path.exists() for path in outputs) and not arguments.state.exists()


def write_generators(path: Path, generators: Mapping[int, Mapping[str, Tensor]]) -> None:
    """The final generator of every seed."""
    tensors = {
        f"{seed}.{name}": value.cpu()
        for seed, state in generators.items()
        for name, value in state.items()
    }
    with atomic_path(path) as temporary:
        # Not safetensors' own save_file, whose error on a full disk is no OSError.
        temporary.write_bytes(serialised(tensors))


def write_samples(
    path: Path,
    job: TrainingJob,
    dataset: PackedDataset,
    generators: Mapping[int, dict[str, Tensor]],
) -> None:
    """A grid of samples of the first seed's generator."""
    seed, shape = job.seeds[0], ImageShape.of(dataset.manifest)
    generator, _ = build(job.networks, shape, [seed])
    load_replica(generator, 0, generators[seed])
    # Classes as often as in evaluations: figures show these beside images drawn from the data.
    labels = SampleLabels.of(job.labels, dataset.labels, shape.classes)
    inputs = draw(job.latent, labels, 32, random_stream(seed, "display"))
    write_grid(path, to_uint8(generate(generator, 0, inputs), "fixed"), columns=8)


def run_record(
    job: TrainingJob,
    manifest: Mapping[str, Any],
    outcome: Outcome,
    device: torch.device,
) -> dict[str, Any]:
    """The content of run.json; numbers that are not finite are written as null."""
    state = outcome.state
    results = [asdict(state.results[seed]) for seed in job.seeds]
    steps = sum(result["final_step"] for result in results)
    return {
        "experiment": job.experiment,
        "optimizer": job.optimizer,
        "batch_size": job.batch_size,
        "seeds": job.seeds,
        "settings": job.to_json(),
        "dataset": {key: manifest[key] for key in ("name", "images", "sha256")},
        "metric": label(job.stop.metric, job.fid.network),
        "stop": {"metric": job.stop.metric, "at_most": job.stop.at_most},
        "generator_parameters": outcome.generator_parameters,
        "discriminator_parameters": outcome.discriminator_parameters,
        "results": [
            {**result, "final_value": finite_or_none(result["final_value"])} for result in results
        ],
        "seconds": round(state.seconds, 2),
        "evaluation_seconds": round(state.evaluation_seconds, 2),
        "seed_steps_per_second": round(steps / max(state.seconds, 1e-9), 2),
        "device": device_name(device),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            **versions_of(entries_of(job)),
        },
    }


def finite_or_none(value: float) -> float | None:
    return value if abs(value) < float("inf") else None


if __name__ == "__main__":
    exit_cleanly(main)
