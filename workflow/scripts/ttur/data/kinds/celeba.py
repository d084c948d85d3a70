"""CelebA, aligned and cropped: 202,599 faces 178x218, of which 162,770 are for training.

Liu, Luo, Wang, Tang, "Deep Learning Face Attributes in the Wild",
https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html
"""

import os
import re
from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import numpy as np

from ...errors import UserError
from ..pictures import decode_rgb_file
from ..resize import PAPER_FILTER, describe
from ..settings import choice, image_size, skipped_share
from ..source import Item, Source
from ..sources import (
    CELEBA_FOLDER,
    CELEBA_PARTITION,
    CELEBA_SPLITS,
    PUBLISHED,
    existing,
    expected_images,
    missing,
)

LINE = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]{0,99}\.jpg) +([012])")
RULE = "squash"


def read(settings: dict) -> Source:
    """settings: name, kind, image_size, root, split (train | valid | test | all; default train),
    expected_images, max_skipped_share.

    root holds the folder img_align_celeba and list_eval_partition.txt, which says which image is
    in which split; images come in its order. Both sides are resized, without a crop.
    """
    size = image_size(settings)
    split = choice(settings, "split", tuple(CELEBA_SPLITS), "train")
    folder = existing(settings, CELEBA_FOLDER)
    names = _names(existing(settings, CELEBA_PARTITION), CELEBA_SPLITS[split])
    present = set(os.listdir(folder))
    if absent := [name for name in names if name not in present]:
        raise missing(settings, f"{folder / absent[0]}, one of {len(absent)} images,")
    return Source(
        source=f"{PUBLISHED['celeba'].title}, split {split}, {PUBLISHED['celeba'].page}",
        licence=PUBLISHED["celeba"].licence,
        resize=describe(size, RULE, PAPER_FILTER),
        class_names=[],
        shape=(size, size, 3),
        items=partial(_items, names),
        decoder=partial(nullcontext, partial(_decode_in, folder, size=size)),
        count=len(names),
        expected=expected_images(settings),
        max_skipped_share=skipped_share(settings),
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


def _decode_in(folder: Path, name: str, size: int) -> np.ndarray:
    return decode_rgb_file(folder / name, size, RULE)
