"""Measures the training speed of one job on this machine, on random images: no data needed."""

import argparse
import resource
import sys
import time
from pathlib import Path

import torch
from ttur.arguments import json_value
from ttur.devices import device_name, open_device, set_precision
from ttur.errors import run
from ttur.files import write_json
from ttur.training.draws import Draws
from ttur.training.groups import Group, grouped, step_all
from ttur.training.images import ImageStore
from ttur.training.labels import SampleLabels
from ttur.training.step import build_players
from ttur.training.world import World

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
    set_precision(arguments.settings["compute"]["precision"])
    steps, seconds = measure(arguments, device)
    settings = arguments.settings
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if device.type == "cuda":
        peak = torch.cuda.max_memory_allocated(device) / 2**20
    record = {key: settings[key] for key in ("experiment", "optimizer", "batch_size", "seeds")}
    record |= {"steps": steps, "seconds": seconds, "steps_per_second": steps / seconds}
    write_json(arguments.output, record | {"peak_memory_mib": peak, "device": device_name(device)})


def measure(arguments: argparse.Namespace, device: torch.device) -> tuple[int, float]:
    """Steps done and the seconds they took, all seeds of the job together."""
    settings, size = arguments.settings, arguments.image_size
    batch_size, seeds = settings["batch_size"], settings["seeds"]
    count = max(batch_size, 256)
    images = torch.randint(0, 256, (count, size, size, arguments.channels), dtype=torch.uint8)
    labels = torch.randint(0, max(arguments.classes, 1), (count,))
    shape = (size, arguments.channels, arguments.classes)
    store, labels = ImageStore(images.numpy(), device), labels.to(device)
    sample_labels = SampleLabels.uniform(arguments.classes)
    latent = settings["networks"]["latent"]
    groups = [
        Group(
            part,
            build_players(settings, part, *shape, device, World()),
            Draws(store, labels, sample_labels, part, batch_size, latent),
        )
        for part in grouped(seeds, settings, size, device)
    ]

    def wait() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    for step in range(WARM_UP_STEPS):
        step_all(groups, step)
    wait()
    started = time.perf_counter()
    for done in range(1, arguments.steps + 1):
        step_all(groups, WARM_UP_STEPS + done - 1)
        if done % 10 == 0 or arguments.steps < 10:
            wait()
            if time.perf_counter() - started > arguments.seconds:
                break
    wait()
    seconds = time.perf_counter() - started
    print(f"{done} steps in {seconds:.1f} s", file=sys.stderr)
    return done, seconds


if __name__ == "__main__":
    run(main)
