"""One's own images: every PNG, JPEG, WebP, BMP, TIFF or GIF file in a folder and below."""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ...registries.chosen import Problems
from ...registries.settings import setting
from ...runtime.errors import UserError
from ..classes import class_names, class_problem
from ..formats import FORMAT_NAMES, FORMATS, is_picture
from ..listing import Found, image_files, natural
from ..reader import Item, Source
from ..settings import DatasetSettings, ImageSize, image_size_field, root_field, skipped_share_field
from ..tally import Tally, counted
from . import DatasetKind

if TYPE_CHECKING:
    import numpy as np

MODES = {1: "L", 3: "RGB"}


@dataclass(frozen=True, kw_only=True)
class Settings(DatasetSettings):
    root: str = root_field("Folder of the images, searched with all folders below it")
    image_size: ImageSize = image_size_field()
    channels: Literal[1, 3] = setting("1 for grey, 3 for RGB", default=3)
    resize: Literal["shortest_side", "squash"] = setting(
        "Shortest side to image_size and centre crop, or squash both sides",
        default="shortest_side",
    )
    labels: Literal["none", "folders"] = setting(
        "Whether the folders below root are classes", default="none"
    )
    max_skipped_share: float = skipped_share_field()
    max_pixels: int | None = setting(
        "Pixels of the largest picture that is decoded; larger ones count as unreadable (null is "
        "178956970, 716 MB of memory as RGB)",
        default=None,
        at_least=1,
        at_most=2_147_483_648,
    )
    bits: int | None = setting(
        "Bits that grey pictures of 16 bits use, such as 12 of many cameras and scanners (null is "
        "16, with a warning where their upper half is never used)",
        default=None,
        at_least=8,
        at_most=16,
    )

    @property
    def has_labels(self) -> bool:
        return self.labels == "folders"


def read(settings: Settings, where: str) -> Source:
    """Files come in natural order (2 before 10), by `listing.image_files`. Transparent pixels are
    laid over white, and the orientation noted by a camera is applied.
    """
    from ..pictures import MAX_PIXELS
    from ..resize import describe

    size, root = settings.image_size, Path(settings.root)
    if not root.is_dir():
        raise UserError(
            f"{where}.root: {str(root)!r} is not a folder (looked for {str(root.absolute())!r}): "
            "name the folder of the images"
        )
    unused, counts = Tally(), Counter()
    try:
        for file in list_images(root, unused):
            counts[file.partition("/")[0]] += 1
        if not counts:
            detail = f" ({counted(unused.rows())})" if unused.total else ""
            raise UserError(f"{where}.root: no images in {root}{detail}: {FORMAT_NAMES} are read")
        classes = {}
        if settings.has_labels:
            problem = class_problem(str(root), usable=lambda folder: counts[folder.name] > 0)
            if problem:
                raise UserError(f"{where}.root {problem}")
            classes = {name: label for label, name in enumerate(class_names(root))}
    except OSError as error:
        raise UserError(f"{where}.root holds {error.filename!r}: make it readable") from None
    decoding = {
        "channels": settings.channels,
        "rule": settings.resize,
        "bits": settings.bits,
        "max_pixels": settings.max_pixels or MAX_PIXELS,
    }
    return Source(
        source=f"image folder {root}",
        licence="not stated",
        resize=describe(size, settings.resize),
        class_names=list(classes),
        shape=(size, size, settings.channels),
        items=partial(_items, root, classes),
        decoder=partial(nullcontext, partial(_decode_below, root, size=size, **decoding)),
        count=sum(counts.values()),
        max_skipped_share=settings.max_skipped_share,
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
) -> "np.ndarray":
    """Decodes one file to uint8 [size, size, channels].

    Raises whatever Pillow raises on a damaged file; ValueError above max_pixels.
    """
    import numpy as np

    from ..flatten import flattened
    from ..pictures import load
    from ..resize import resize_picture

    picture = flattened(load(path, FORMATS, max_pixels), MODES[channels], bits)
    return np.asarray(resize_picture(picture, size, rule)).reshape(size, size, channels)


def _items(root: Path, classes: dict[str, int]) -> Iterator[Item]:
    for file in list_images(root):
        yield Item(file, classes.get(file.partition("/")[0], -1), file)


def _decode_below(root: Path, file: str, **settings) -> "np.ndarray":
    return decode(root / file, **settings)


def _is_there(root: str) -> bool:
    return os.path.isdir(root) and any(image_files(root))


def _pictures(root: str) -> Iterator[Found]:
    """Of files that are only called pictures nothing will be packed."""
    return (file for file in image_files(root) if is_picture(*file))


def _count(root: str, limit: int) -> int:
    return sum(1 for _ in islice(_pictures(root), limit))


def _check(settings: Settings) -> Problems:
    root = settings.root
    if not any(_pictures(root)):
        unused = Tally()
        for file in image_files(root, unused=unused):
            unused.add("damaged at its start", file.name)
        there = f" ({counted(unused.rows())})" if unused.total else ""
        yield "root", f"is {root!r}, without images{there}: put {FORMAT_NAMES} files there"
    elif settings.has_labels and (problem := class_problem(root)):
        yield "root", problem


KIND = DatasetKind(
    description="One's own image files in a folder",
    settings=Settings,
    read=read,
    is_there=_is_there,
    count=_count,
    class_folders=class_names,
    check=_check,
    labelled_by=("labels", "folders"),
    place=3,
)
