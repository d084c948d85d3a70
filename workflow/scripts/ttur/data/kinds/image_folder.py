"""One's own images: every PNG, JPEG, WebP, BMP, TIFF or GIF file in a folder and below."""

from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import numpy as np

from ...errors import UserError
from ..classes import class_names, class_problem
from ..flatten import WHOLE_RANGE, flattened
from ..formats import FORMAT_NAMES, FORMATS
from ..listing import image_files, natural
from ..pictures import MAX_PIXELS, load
from ..resize import describe, resize_picture
from ..settings import choice, image_size, root_folder, skipped_share, whole_number
from ..source import Item, Source
from ..tally import Tally, counted

MODES = {1: "L", 3: "RGB"}
RULES = ("shortest_side", "squash")
MOST_PIXELS = 1 << 31


def read(settings: dict) -> Source:
    """settings: name, image_size, root, channels (1 grey, 3 RGB; default 3),
    resize (shortest_side | squash), labels (none | folders: the first-level sub-folder is the
    class), max_skipped_share, max_pixels (of one picture), bits (of 16-bit grey pictures).

    Files come in natural order (2 before 10), by `listing.image_files`. Transparent pixels are
    laid over white, and the orientation noted by a camera is applied.
    """
    key = f"datasets.{settings['name']}"
    size, root = image_size(settings), root_folder(settings)
    channels = choice(settings, "channels", tuple(MODES), 3)
    rule = choice(settings, "resize", RULES, RULES[0])
    labels = choice(settings, "labels", ("none", "folders"), "none")
    max_pixels = whole_number(settings, "max_pixels", 1, MOST_PIXELS, MAX_PIXELS)
    bits = whole_number(settings, "bits", 8, WHOLE_RANGE, None)
    if not root.is_dir():
        raise UserError(
            f"{key}.root: {str(root)!r} is not a folder (looked for {str(root.absolute())!r}): "
            "name the folder of the images"
        )
    unused, counts = Tally(), Counter()
    try:
        for file in list_images(root, unused):
            counts[file.partition("/")[0]] += 1
        if not counts:
            detail = f" ({counted(unused.rows())})" if unused.total else ""
            raise UserError(f"{key}.root: no images in {root}{detail}: {FORMAT_NAMES} are read")
        classes = {}
        if labels == "folders":
            problem = class_problem(str(root), usable=lambda folder: counts[folder.name] > 0)
            if problem:
                raise UserError(f"{key}.root {problem}")
            classes = {name: label for label, name in enumerate(class_names(root))}
    except OSError as error:
        raise UserError(f"{key}.root holds {error.filename!r}: make it readable") from None
    decoding = {"channels": channels, "rule": rule, "bits": bits, "max_pixels": max_pixels}
    return Source(
        source=f"image folder {root}",
        licence="not stated",
        resize=describe(size, rule),
        class_names=list(classes),
        shape=(size, size, channels),
        items=partial(_items, root, classes),
        decoder=partial(nullcontext, partial(_decode_below, root, size=size, **decoding)),
        count=sum(counts.values()),
        max_skipped_share=skipped_share(settings),
        unused=unused.rows(),
    )


def list_images(root: str | Path, unused: Tally | None = None) -> Iterator[str]:
    """Image files below `root`, relative to it, with slashes, in natural order.

    unused: gets what else lies there.
    """
    for file in image_files(root, natural, unused):
        yield file.name


def decode(
    path: str | Path,
    size: int,
    channels: int,
    rule: str,
    bits: int | None = None,
    max_pixels: int | None = None,
) -> np.ndarray:
    """Decodes one file to uint8 [size, size, channels].

    Raises whatever Pillow raises on a damaged file; ValueError above max_pixels.
    """
    picture = flattened(load(path, FORMATS, max_pixels), MODES[channels], bits)
    return np.asarray(resize_picture(picture, size, rule)).reshape(size, size, channels)


def _items(root: Path, classes: dict[str, int]) -> Iterator[Item]:
    for file in list_images(root):
        yield Item(file, classes.get(file.partition("/")[0], -1), file)


def _decode_below(root: Path, file: str, **settings) -> np.ndarray:
    return decode(root / file, **settings)
