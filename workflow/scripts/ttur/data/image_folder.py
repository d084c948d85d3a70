"""One's own images: every PNG, JPEG, BMP, WebP or TIFF file in a folder and below."""

import os
import re
from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image, ImageOps

from ..errors import UserError
from .listing import SUFFIXES, image_files
from .pictures import opened
from .resize import describe, resize_picture
from .settings import choice, image_size, root_folder, skipped_share
from .source import Item, Source

FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "TIFF")
MODES = {1: "L", 3: "RGB"}
RULES = ("shortest_side", "squash")


def read(settings: dict) -> Source:
    """settings: name, image_size, root, channels (1 grey, 3 RGB; default 3),
    resize (shortest_side | squash), labels (none | folders: the first-level sub-folder is the
    class), max_skipped_share.

    Files come in natural order (2 before 10). Symbolic links to folders, links that leave the
    folder and hidden files are ignored. Transparent pixels are laid over white, and the
    orientation noted by a camera is applied.
    """
    key = f"datasets.{settings['name']}"
    size, root = image_size(settings), root_folder(settings)
    channels = choice(settings, "channels", tuple(MODES), 3)
    rule = choice(settings, "resize", RULES, RULES[0])
    labels = choice(settings, "labels", ("none", "folders"), "none")
    if not root.is_dir():
        raise UserError(f"{key}.root: {str(root)!r} is not a folder: name the folder of the images")
    count, classes = 0, {}
    for file in list_images(root):
        count += 1
        folder, _, below = file.partition("/")
        if labels == "folders" and not below:
            raise UserError(
                f"{key}.labels: {file!r} is in no sub-folder: "
                "move it into the folder of its class or set labels: none"
            )
        if labels == "folders":
            classes.setdefault(folder, len(classes))
    if not count:
        raise UserError(f"{key}.root: no images in {root}: known are {' '.join(SUFFIXES)}")
    return Source(
        source=f"image folder {root}",
        licence="not stated",
        resize=describe(size, rule),
        class_names=list(classes),
        shape=(size, size, channels),
        items=partial(_items, root, classes),
        decoder=partial(
            nullcontext, partial(_decode_below, root, size=size, channels=channels, rule=rule)
        ),
        count=count,
        max_skipped_share=skipped_share(settings),
    )


def list_images(root: str | Path) -> Iterator[str]:
    """Image files below `root`, relative to it, with slashes, in natural order."""
    for entry in image_files(root, order=lambda entry: (_natural(entry.name), entry.name)):
        yield PurePosixPath(os.path.relpath(entry.path, root)).as_posix()


def decode(path: str | Path, size: int, channels: int, rule: str) -> np.ndarray:
    """Decodes one file to uint8 [size, size, channels].

    Raises whatever Pillow raises on a damaged file or a decompression bomb.
    """
    with opened(path, FORMATS) as file:
        picture = ImageOps.exif_transpose(file)
    if picture.mode.startswith("I;16"):
        picture = Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    if picture.mode in ("I", "F"):
        raise ValueError(f"pixels of mode {picture.mode} have no range")
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    picture = resize_picture(picture.convert(MODES[channels]), size, rule)
    return np.asarray(picture).reshape(size, size, channels)


def _items(root: Path, classes: dict[str, int]) -> Iterator[Item]:
    for file in list_images(root):
        yield Item(file, classes.get(file.partition("/")[0], -1), file)


def _decode_below(root: Path, file: str, size: int, channels: int, rule: str) -> np.ndarray:
    return decode(root / file, size, channels, rule)


def _natural(text: str) -> list[str | int]:
    """Sort key: runs of digits compare as numbers. Texts (even places) and numbers alternate."""
    parts: list[str | int] = re.split(r"([0-9]+)", text)
    parts[1::2] = map(int, parts[1::2])
    return parts
