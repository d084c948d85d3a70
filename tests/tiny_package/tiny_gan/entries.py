"""The entries that pyproject.toml names. Importing this needs no torch."""

from dataclasses import dataclass
from typing import ClassVar

from critical_batch.data.kinds import DatasetKind
from critical_batch.data.settings import DatasetSettings, ImageSize, image_size_field
from critical_batch.networks.kinds import LatentSettings
from critical_batch.networks.plain import plain
from critical_batch.optimizers import Optimizer
from critical_batch.registries.settings import setting


@dataclass(frozen=True, kw_only=True)
class NetworkSettings(LatentSettings):
    width: int = setting("Units of the hidden layer", default=32, at_least=1, at_most=4096)


def build_networks(settings, shape):
    from .modules import Discriminator, Generator

    image = (shape.channels, shape.size, shape.size)
    return Generator(settings.latent, settings.width, image), Discriminator(settings.width, image)


NETWORKS = plain("Perceptrons with dropout", build_networks, settings=NetworkSettings)


@dataclass(frozen=True, kw_only=True)
class OptimizerSettings:
    beta: float = setting("Decay of the mean gradient", default=0.9, at_least=0, below=1)


def build_optimizer(parameters, rate, settings):
    from .modules import SignSGD

    return SignSGD(parameters, rate, settings.beta)


OPTIMIZER = Optimizer(
    description="The sign of a mean gradient (Bernstein et al. 2018)",
    build=build_optimizer,
    settings=OptimizerSettings,
)


@dataclass(frozen=True, kw_only=True)
class ImageSettings(DatasetSettings):
    image_size: ImageSize = image_size_field()
    count: int = setting("How many images", default=300, at_least=4, at_most=100_000)

    channels: ClassVar[int] = 1
    has_labels: ClassVar[bool] = True
    classes: ClassVar[int] = 2


def read(settings, where):
    import numpy as np
    from critical_batch.data.reader import array_source

    side = np.linspace(-1, 1, settings.image_size)
    x, y = np.meshgrid(side, side)
    distances = (np.hypot(x, y), np.maximum(abs(x), abs(y)))  # of discs and of squares
    random, labels = np.random.default_rng(0), np.arange(settings.count) % 2
    images = [
        255 * (distances[label] < random.uniform(0.3, 0.9)).astype(np.uint8) for label in labels
    ]
    shape = (settings.image_size, settings.image_size, 1)
    return array_source(np.stack(images)[..., None], labels, ["disc", "square"], shape)


DATASET = DatasetKind(
    description="Discs and squares of any size", settings=ImageSettings, read=read
)
