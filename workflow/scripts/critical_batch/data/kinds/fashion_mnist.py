"""Fashion-MNIST, test split: 10,000 grey images 28x28 of 10 kinds of clothing.

Xiao, Rasul, Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning
Algorithms", https://github.com/zalandoresearch/fashion-mnist
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

from ..reader import Source, array_source
from ..settings import DatasetSettings, ImageSize, image_size_field, root_field
from . import DatasetKind

COUNT = 10_000
SIDE = 28
IMAGES, LABELS = "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"
CLASS_NAMES = [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
]


@dataclass(frozen=True, kw_only=True)
class Settings(DatasetSettings):
    root: str = root_field(f"Folder of {IMAGES} and {LABELS}", default="resources/fashion-mnist")
    image_size: ImageSize = image_size_field()

    channels: ClassVar[int] = 1
    has_labels: ClassVar[bool] = True
    images: ClassVar[int] = COUNT


def read(settings: Settings, where: str) -> Source:
    from ..idx import read_idx
    from ..resize import describe, resize_array

    size, root = settings.image_size, Path(settings.root)
    images = read_idx(root / IMAGES, (COUNT, SIDE, SIDE))
    labels = read_idx(root / LABELS, (COUNT,), len(CLASS_NAMES) - 1)
    return array_source(
        images,
        labels,
        CLASS_NAMES,
        (size, size, 1),
        partial(resize_array, size=size),
        source="Fashion-MNIST, test split, https://github.com/zalandoresearch/fashion-mnist",
        licence="MIT, Copyright (c) 2017 Zalando SE",
        resize=describe(size, f"{SIDE}x{SIDE}"),
    )


KIND = DatasetKind(
    description="The 10000 test images of Fashion-MNIST with labels",
    settings=Settings,
    read=read,
    raw_files=(IMAGES, LABELS),
    place=1,
)
