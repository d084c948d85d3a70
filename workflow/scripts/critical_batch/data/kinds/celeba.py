"""CelebA, aligned and cropped: 202,599 faces 178x218, of which 162,770 are for training.

Liu, Luo, Wang, Tang, "Deep Learning Face Attributes in the Wild",
https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html
"""

import os
import re
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from ...registries.settings import setting
from ...runtime.errors import UserError
from ..paper_datasets import Published, expected
from ..raw_state import file_state
from ..reader import Item, Source
from ..settings import (
    DatasetSettings,
    ImageSize,
    expected_images_field,
    image_size_field,
    root_field,
    skipped_share_field,
)
from . import DatasetKind

if TYPE_CHECKING:
    import numpy as np

FOLDER = "img_align_celeba"
PARTITION = "list_eval_partition.txt"
LINE = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]{0,99}\.jpg) +([012])")
SPLITS = {"train": "0", "valid": "1", "test": "2", "all": "012"}
"""Split -> its marks in the partition file."""
IMAGES = {"train": 162_770, "valid": 19_867, "test": 19_962, "all": 202_599}
RULE = "squash"

PUBLISHED = Published(
    title="CelebA, aligned and cropped",
    page="https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html",
    licence="non-commercial research only, terms on the data set's page",
    # A quota of the file host stops most downloads by programs.
    remedy="get img_align_celeba.zip and list_eval_partition.txt by hand from "
    "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html (the host has a quota), unzip the "
    "first and put both there",
)


@dataclass(frozen=True, kw_only=True)
class Settings(DatasetSettings):
    root: str = root_field(f"Folder of {FOLDER} and {PARTITION}", default="resources/celeba")
    image_size: ImageSize = image_size_field()
    split: Literal["train", "valid", "test", "all"] = setting(
        "Which of CelebA's splits (paper train, 162770 images)", default="train"
    )
    expected_images: int | None = expected_images_field()
    max_skipped_share: float = skipped_share_field()

    channels: ClassVar[int] = 3
    has_labels: ClassVar[bool] = False

    @property
    def images(self) -> int | None:
        return expected(self.expected_images, IMAGES[self.split])


def read(settings: Settings, where: str) -> Source:
    """Images come in the order of the partition file. Both sides are resized, without a crop."""
    from ..resize import PAPER_FILTER, describe

    size = settings.image_size
    folder = PUBLISHED.existing(settings.root, FOLDER, where)
    partition = PUBLISHED.existing(settings.root, PARTITION, where)
    names = _names(partition, SPLITS[settings.split])
    present = set(os.listdir(folder))
    if absent := [name for name in names if name not in present]:
        raise PUBLISHED.missing(f"{folder / absent[0]}, one of {len(absent)} images,", where)
    return Source(
        source=f"{PUBLISHED.title}, split {settings.split}, {PUBLISHED.page}",
        licence=PUBLISHED.licence,
        resize=describe(size, RULE, PAPER_FILTER),
        class_names=[],
        shape=(size, size, 3),
        items=partial(_items, names),
        decoder=partial(nullcontext, partial(_decode_in, folder, size=size)),
        count=len(names),
        expected=settings.images,
        max_skipped_share=settings.max_skipped_share,
    )


def _names(partition: Path, wanted: str) -> list[str]:
    """Files of the wanted splits, 0 train, 1 valid, 2 test."""
    names = []
    with open(partition, encoding="ascii", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            match = LINE.fullmatch(line.strip())
            if not match:
                raise UserError(
                    f"{partition}, line {number}: {line[:80]!r} is not an image and 0, 1 or 2: "
                    "fetch the file again"
                )
            if match[2] in wanted:
                names.append(match[1])
    return names


def _items(names: list[str]) -> Iterator[Item]:
    for name in names:
        yield Item(name, -1, name)


def _decode_in(folder: Path, name: str, size: int) -> "np.ndarray":
    from ..pictures import decode_rgb_file

    return decode_rgb_file(folder / name, size, RULE)


def _state(root: str) -> str:
    return file_state(Path(root, PARTITION))


KIND = DatasetKind(
    description="The faces of CelebA aligned and cropped without labels",
    settings=Settings,
    read=read,
    state=_state,
    published=PUBLISHED,
    place=5,
)
