"""Encoded images of unknown origin -> pixels. Raises whatever Pillow raises on damaged bytes."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from .resize import PAPER_FILTER, resize_picture

PAPER_FORMATS = ("JPEG", "PNG", "WEBP")
"""ImageNet has one PNG file named .JPEG; LSUN's values are WebP."""

MAX_BYTES = 64 << 20
"""Of one encoded image."""


@contextmanager
def opened(file: str | Path | BinaryIO, formats: tuple[str, ...]) -> Iterator[Image.Image]:
    """Opens a picture with the named decoders only: some of Pillow's start other programs.

    A picture of more than `PIL.Image.MAX_IMAGE_PIXELS` pixels (a decompression bomb) raises
    before it is decoded.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(file, formats=formats) as picture:
            yield picture


def decode_rgb(data: bytes | memoryview, size: int, rule: str) -> np.ndarray:
    """Decodes one image of the paper's data sets to uint8 [size, size, 3].

    Equal to torchvision's transforms on `PIL.Image.open(...).convert("RGB")`; see
    `resize_picture` for the rules. Orientation tags and transparency are ignored, as there.
    """
    if len(data) > MAX_BYTES:
        raise ValueError(f"{len(data)} bytes are too many for one image")
    with opened(io.BytesIO(data), PAPER_FORMATS) as picture:
        rgb = picture.convert("RGB")
    return np.asarray(resize_picture(rgb, size, rule, PAPER_FILTER))


def decode_rgb_file(path: str | Path, size: int, rule: str) -> np.ndarray:
    """`decode_rgb` of a file."""
    with open(path, "rb") as file:
        return decode_rgb(file.read(MAX_BYTES + 1), size, rule)
