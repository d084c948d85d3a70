"""A DCGAN training step: ours, a tutorial's, and three replicas at once against one by one."""

from dataclasses import replace
from functools import partial

import numpy as np
import torch
from critical_batch.data.labels import SampleLabels
from critical_batch.data.shape import ImageShape
from critical_batch.training.data import TrainingData
from critical_batch.training.images import ImageStore
from critical_batch.training.inputs import TrainingInputs
from critical_batch.training.step import build_pair, update
from dcgan_example import Loop
from jobs import JOB
from timing import Row, compare

CPU = torch.device("cpu")
BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
LATENT, WIDTH, IMAGES = 64, 16, 1024


def measure(quick: bool) -> list[Row]:
    rows = []
    for image_size in (16, 64):
        for batch_size in BATCH_SIZES[:: 4 if quick else 1]:
            calls = max(1, min(20, 2000 // (batch_size * (image_size // 16) ** 2)))
            rounds = 3 if quick else 15 if calls > 1 else 5
            pixels = np.random.default_rng(0).integers(
                0, 256, (IMAGES, image_size, image_size, 1), dtype=np.uint8
            )
            case = f"{image_size} px, b = {batch_size}"
            alone = [Step(pixels, batch_size, [seed]) for seed in range(3)]
            example = Loop(torch.from_numpy(pixels).permute(0, 3, 1, 2), batch_size, LATENT, WIDTH)
            rows += compare(
                "step",
                case,
                {"ours": alone[0], "tutorial loop": example},
                rounds,
                calls,
            )
            together = Step(pixels, batch_size, [0, 1, 2])
            rows += compare(
                "three seeds",
                case,
                {"together": together, "one by one": partial(_each, alone)},
                rounds,
                calls,
            )
    return rows


def _each(steps: list["Step"]) -> None:
    for step in steps:
        step()


class Step:
    """One call is one training step of a group of seeds."""

    def __init__(self, pixels: np.ndarray, batch_size: int, seeds: list[int]):
        networks = {"latent": LATENT, "generator_width": WIDTH, "discriminator_width": WIDTH}
        job = replace(JOB, networks=JOB.networks | networks, batch_size=batch_size)
        labels, shape = (
            torch.full((len(pixels),), -1),
            ImageShape(pixels.shape[1], pixels.shape[3], 0),
        )
        data = TrainingData(ImageStore(pixels, CPU), labels, SampleLabels.uniform(0))
        self._pair = build_pair(job, seeds, shape, device=CPU)
        self._source = TrainingInputs(data, job, seeds)
        self._step = 0

    def __call__(self) -> None:
        update(self._pair, self._source.at(self._step))
        self._step += 1
