"""ImageNet, ILSVRC 2012 train: 1,281,167 images of 1,000 classes, as folders or as the archive.

Russakovsky et al., "ImageNet Large Scale Visual Recognition Challenge",
https://image-net.org/challenges/LSVRC/2012/
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ...errors import UserError
from ..archive import Member, tar_members
from ..formats import HEAD_BYTES, promises_picture, starts_as_picture
from ..listing import image_files, top_level
from ..pictures import MAX_BYTES, decode_rgb, decode_rgb_file
from ..resize import PAPER_FILTER, describe
from ..settings import image_size, root_folder, skipped_share
from ..source import Decode, Item, Source
from ..sources import IMAGENET_ARCHIVE, IMAGENET_FOLDER, PUBLISHED, expected_images, missing
from ..state import SYNSET, synset_folders
from ..tally import Tally

RULE = "centre_square"
MAX_CLASS_BYTES = 16 << 30


def read(settings: dict) -> Source:
    """settings: name, kind, image_size, root, expected_images, max_skipped_share.

    root holds `train/nXXXXXXXX/*.JPEG` or, where there is no folder train, the archive of one
    archive per class; both give the same images in the same order. Labels are the positions of
    the classes in sorted order, as in torchvision's ImageFolder. The centre square is cut out and
    resized, as in BigGAN's code.
    """
    size, root = image_size(settings), root_folder(settings)
    tree, archive = root / IMAGENET_FOLDER, root / IMAGENET_ARCHIVE
    unused = Tally()
    if tree.is_dir():
        classes = synset_folders(tree)
        items = partial(_tree_items, tree, classes)
        decoder = partial(nullcontext, partial(_decode_below, tree, size=size))
        counts = Counter(item.label for item in _tree_items(tree, classes, unused))
        count = counts.total()
        if empty := [synset for label, synset in enumerate(classes) if not counts[label]]:
            raise missing(settings, f"every image of {tree / empty[0]}")
    elif archive.is_file():
        members = _class_archives(archive)
        classes = [member.name.removesuffix(".tar") for member in members]
        items = partial(_archive_items, archive, members)
        decoder = partial(_archive_decoder, archive, size)
        count = None  # Would be a pass over the headers of all the class archives.
    else:
        raise missing(settings, f"{tree.absolute()} or {archive.name}")
    return Source(
        source=f"{PUBLISHED['imagenet'].title}, {PUBLISHED['imagenet'].page}",
        licence=PUBLISHED["imagenet"].licence,
        resize=describe(size, RULE, PAPER_FILTER),
        class_names=classes,
        shape=(size, size, 3),
        items=items,
        decoder=decoder,
        count=count,
        expected=expected_images(settings),
        max_skipped_share=skipped_share(settings),
        unused=unused.rows(),
    )


# ---------------------------------------------------------------- folders


def _tree_items(tree: Path, classes: list[str], unused: Tally | None = None) -> Iterator[Item]:
    """unused: gets what lies in the tree and is no image of a class."""
    known = set(classes)
    if unused is not None:
        for each in (each for found in top_level(tree) for each in found):
            if each.name not in known:
                unused.add("not a class folder nXXXXXXXX", each.name)
    for label, synset in enumerate(classes):
        below = Tally()
        for name in sorted(file.name for file in image_files(tree / synset, unused=below)):
            yield Item(f"{synset}/{name}", label, f"{synset}/{name}")
        if unused is not None:
            for row in below.rows():
                unused.add(row["reason"], f"{synset}/{row['example']}", row["count"])


def _decode_below(tree: Path, name: str, size: int) -> np.ndarray:
    return decode_rgb_file(tree / name, size, RULE)


# ---------------------------------------------------------------- archive of archives


def _class_archives(archive: Path) -> list[Member]:
    members = tar_members(archive, MAX_CLASS_BYTES)
    for member in members:
        if not (member.name.endswith(".tar") and SYNSET.fullmatch(member.name[:-4])):
            raise UserError(
                f"{archive}: member {member.name!r} is not nXXXXXXXX.tar: "
                "fetch the archive of the training images again"
            )
    return members


def _archive_items(archive: Path, members: list[Member]) -> Iterator[Item]:
    for label, (name, offset, size) in enumerate(members):
        for member in tar_members(archive, MAX_BYTES, offset, size):
            if promises_picture(member.name) or _starts_as_picture(archive, member):
                where = (member.offset, member.size)
                yield Item(f"{name.removesuffix('.tar')}/{member.name}", label, where)


def _starts_as_picture(archive: Path, member: Member) -> bool:
    with open(archive, "rb") as file:
        file.seek(member.offset)
        return starts_as_picture(file.read(min(HEAD_BYTES, member.size)))


@contextmanager
def _archive_decoder(archive: Path, size: int) -> Iterator[Decode]:
    with open(archive, "rb") as file:
        yield partial(_decode_member, file, size)


def _decode_member(file: BinaryIO, size: int, where: tuple[int, int]) -> np.ndarray:
    offset, length = where
    file.seek(offset)
    return decode_rgb(file.read(length), size, RULE)
