"""Measures the training speed of one job on this machine, on random images: no data needed."""

import argparse
import resource
import sys
import time
from pathlib import Path

import torch
from critical_batch.data.labels import SampleLabels
from critical_batch.data.shape import ImageShape
from critical_batch.runtime.cli import json_value
from critical_batch.runtime.devices import device_name, open_device, set_precision
from critical_batch.runtime.errors import exit_cleanly
from critical_batch.runtime.files import write_json
from critical_batch.training.data import TrainingData
from critical_batch.training.images import ImageStore
from critical_batch.training.job import TrainingJob
from critical_batch.training.trainer import Trainer
from critical_batch.training.world import World

WARM_UP_STEPS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", type=json_value, required=True, help="JSON, or @file")
    parser.add_argument("--image-size", type=int, required=True)
    parser.add_argument("--channels", type=int, required=True)
    parser.add_argument("--classes", type=int, required=True)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=60.0, help="stop earlier after these")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    device = open_device(arguments.device)
    job = TrainingJob.from_json(arguments.settings)
    set_precision(job.compute.precision)
    steps, seconds = measure(job, arguments, device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if device.type == "cuda":
        peak = torch.cuda.max_memory_allocated(device) / 2**20
    record = {
        "experiment": job.experiment,
        "optimizer": job.optimizer,
        "batch_size": job.batch_size,
        "seeds": job.seeds,
        "steps": steps,
        "seconds": seconds,
        "steps_per_second": steps / seconds,
        "peak_memory_mib": peak,
        "device": device_name(device),
    }
    write_json(arguments.output, record)


def measure(
    job: TrainingJob, arguments: argparse.Namespace, device: torch.device
) -> tuple[int, float]:
    """Steps done and the seconds they took, all seeds of the job together."""
    shape = ImageShape(arguments.image_size, arguments.channels, arguments.classes)
    count = max(job.batch_size, 256)
    pixels = torch.randint(0, 256, (count, shape.size, shape.size, shape.channels))
    data = TrainingData(
        ImageStore(pixels.to(torch.uint8).numpy(), device),
        torch.randint(0, max(shape.classes, 1), (count,)).to(device),
        SampleLabels.uniform(shape.classes),
    )
    trainer = Trainer(job, data, shape, device=device, world=World())
    trainer.start(job.seeds)

    def wait() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    for step in range(WARM_UP_STEPS):
        trainer.step(step)
    wait()
    started = time.perf_counter()
    for done in range(1, arguments.steps + 1):
        trainer.step(WARM_UP_STEPS + done - 1)
        if done % 10 == 0 or arguments.steps < 10:
            wait()
            if time.perf_counter() - started > arguments.seconds:
                break
    wait()
    seconds = time.perf_counter() - started
    print(f"{done} steps in {seconds:.1f} s", file=sys.stderr)
    return done, seconds


if __name__ == "__main__":
    exit_cleanly(main)
