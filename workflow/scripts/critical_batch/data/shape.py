"""The shape of a data set's images, which networks are built for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ImageShape:
    """Square images and their labels.

    size: pixels per side. channels: 1 (grey) or 3 (RGB). classes: the number of labels, 0 where
    the images have none.
    """

    size: int
    channels: int
    classes: int

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> "ImageShape":
        """That of a packed data set."""
        return cls(manifest["height"], manifest["channels"], manifest["classes"])
