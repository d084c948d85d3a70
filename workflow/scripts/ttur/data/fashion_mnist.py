"""Fashion-MNIST, test split: 10,000 grey images 28x28 of 10 kinds of clothing.

Xiao, Rasul, Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning
Algorithms", https://github.com/zalandoresearch/fashion-mnist
"""

from pathlib import Path

from ..errors import UserError
from .idx import read_idx
from .packed import Source
from .resize import describe, image_size, resize_array

COUNT = 10_000
SIDE = 28
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


def read(settings: dict) -> Source:
    """settings: name, image_size, root (the folder of the two t10k-*-ubyte.gz files)."""
    size = image_size(settings)
    if not isinstance(settings.get("root"), str):
        raise UserError(f"datasets.{settings['name']}.root: name the folder of the IDX files")
    root = Path(settings["root"])
    images = read_idx(root / "t10k-images-idx3-ubyte.gz", (COUNT, SIDE, SIDE))
    labels = read_idx(root / "t10k-labels-idx1-ubyte.gz", (COUNT,), len(CLASS_NAMES) - 1)
    return Source(
        source="Fashion-MNIST, test split, https://github.com/zalandoresearch/fashion-mnist",
        licence="MIT, Copyright (c) 2017 Zalando SE",
        resize=describe(size, f"{SIDE}x{SIDE}"),
        class_names=CLASS_NAMES,
        images=(
            (resize_array(image, size)[..., None], int(label))
            for image, label in zip(images, labels, strict=True)
        ),
    )
