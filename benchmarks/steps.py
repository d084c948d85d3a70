"""A DCGAN training step: ours, a tutorial's, and three replicas at once against one by one."""

from functools import partial

import numpy as np
import torch
from dcgan_example import Loop
from jobs import SETTINGS
from timing import Row, compare
from ttur.training.draws import Draws
from ttur.training.images import ImageStore
from ttur.training.labels import SampleLabels
from ttur.training.step import build_players, train_step
from ttur.training.world import World

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
        settings = SETTINGS | {"networks": SETTINGS["networks"] | networks}
        size, channels = pixels.shape[1], pixels.shape[3]
        labels = torch.full((len(pixels),), -1)
        self._players = build_players(settings, seeds, size, channels, 0, CPU, World())
        store = ImageStore(pixels, CPU)
        self._draws = Draws(store, labels, SampleLabels.uniform(0), seeds, batch_size, LATENT)
        self._step = 0

    def __call__(self) -> None:
        train_step(self._players, self._draws, self._step)
        self._step += 1
