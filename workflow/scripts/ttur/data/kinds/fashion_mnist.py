"""Fashion-MNIST, test split: 10,000 grey images 28x28 of 10 kinds of clothing.

Xiao, Rasul, Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning
Algorithms", https://github.com/zalandoresearch/fashion-mnist
"""

from functools import partial

from ..idx import read_idx
from ..resize import describe, resize_array
from ..settings import image_size, root_folder
from ..source import Source, array_source

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
    size, root = image_size(settings), root_folder(settings)
    images = read_idx(root / "t10k-images-idx3-ubyte.gz", (COUNT, SIDE, SIDE))
    labels = read_idx(root / "t10k-labels-idx1-ubyte.gz", (COUNT,), len(CLASS_NAMES) - 1)
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
