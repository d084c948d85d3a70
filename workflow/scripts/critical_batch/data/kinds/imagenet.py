"""ImageNet, ILSVRC 2012 train: 1,281,167 images of 1,000 classes, as folders or as the archive.

Russakovsky et al., "ImageNet Large Scale Visual Recognition Challenge",
https://image-net.org/challenges/LSVRC/2012/
"""

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, ClassVar

from ...runtime.errors import UserError
from ..archive import Member, tar_members
from ..formats import HEAD_BYTES, promises_picture, starts_as_picture
from ..listing import image_files, top_level
from ..paper_datasets import Published, expected
from ..raw_state import file_state
from ..reader import Decode, Item, Source
from ..settings import (
    DatasetSettings,
    ImageSize,
    expected_images_field,
    image_size_field,
    root_field,
    skipped_share_field,
)
from ..tally import Tally
from . import DatasetKind

if TYPE_CHECKING:
    import numpy as np

FOLDER = "train"
ARCHIVE = "ILSVRC2012_img_train.tar"
SYNSET = re.compile(r"n[0-9]{8}")
"""A class: its WordNet number."""
IMAGES = 1_281_167
RULE = "centre_square"
MAX_CLASS_BYTES = 16 << 30

PUBLISHED = Published(
    title="ImageNet, ILSVRC 2012 train",
    page="https://image-net.org/challenges/LSVRC/2012/",
    licence="non-commercial research and education only, terms accepted at login",
    remedy="log in at https://image-net.org/download-images, get ILSVRC2012_img_train.tar and "
    "put it there, or its class folders nXXXXXXXX into train/ there",
)


@dataclass(frozen=True, kw_only=True)
class Settings(DatasetSettings):
    root: str = root_field(
        f"Folder of {FOLDER}/nXXXXXXXX/*.JPEG or of {ARCHIVE}", default="resources/imagenet"
    )
    image_size: ImageSize = image_size_field()
    expected_images: int | None = expected_images_field()
    max_skipped_share: float = skipped_share_field()

    channels: ClassVar[int] = 3
    has_labels: ClassVar[bool] = True
    classes: ClassVar[int] = 1000

    @property
    def images(self) -> int | None:
        return expected(self.expected_images, IMAGES)


def read(settings: Settings, where: str) -> Source:
    """root holds `train/nXXXXXXXX/*.JPEG` or, where there is no folder train, the archive of one
    archive per class; both give the same images in the same order. Labels are the positions of
    the classes in sorted order, as in torchvision's ImageFolder. The centre square is cut out and
    resized, as in BigGAN's code.
    """
    from ..resize import PAPER_FILTER, describe

    size, root = settings.image_size, Path(settings.root)
    tree, archive = root / FOLDER, root / ARCHIVE
    unused = Tally()
    if tree.is_dir():
        classes = synset_folders(tree)
        items = partial(_tree_items, tree, classes)
        decoder = partial(nullcontext, partial(_decode_below, tree, size=size))
        counts = Counter(item.label for item in _tree_items(tree, classes, unused))
        count = counts.total()
        if empty := [synset for label, synset in enumerate(classes) if not counts[label]]:
            raise PUBLISHED.missing(f"every image of {tree / empty[0]}", where)
    elif archive.is_file():
        members = _class_archives(archive)
        classes = [member.name.removesuffix(".tar") for member in members]
        items = partial(_archive_items, archive, members)
        decoder = partial(_archive_decoder, archive, size)
        count = None  # Would be a pass over the headers of all the class archives.
    else:
        raise PUBLISHED.missing(f"{tree.absolute()} or {archive.name}", where)
    return Source(
        source=f"{PUBLISHED.title}, {PUBLISHED.page}",
        licence=PUBLISHED.licence,
        resize=describe(size, RULE, PAPER_FILTER),
        class_names=classes,
        shape=(size, size, 3),
        items=items,
        decoder=decoder,
        count=count,
        expected=settings.images,
        max_skipped_share=settings.max_skipped_share,
        unused=unused.rows(),
    )


# ---------------------------------------------------------------- folders


def synset_folders(tree: Path) -> list[str]:
    """The class folders of the tree, sorted; links are followed."""
    with os.scandir(tree) as entries:
        return sorted(
            entry.name for entry in entries if SYNSET.fullmatch(entry.name) and entry.is_dir()
        )


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


def _decode_below(tree: Path, name: str, size: int) -> "np.ndarray":
    from ..pictures import decode_rgb_file

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
    from ..pictures import MAX_BYTES

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


def _decode_member(file: BinaryIO, size: int, where: tuple[int, int]) -> "np.ndarray":
    from ..pictures import decode_rgb

    offset, length = where
    file.seek(offset)
    return decode_rgb(file.read(length), size, RULE)


# ---------------------------------------------------------------- entry


def _state(root: str) -> str:
    """The classes of the tree, or size and time of the archive."""
    tree = Path(root, FOLDER)
    if not tree.is_dir():
        return file_state(Path(root, ARCHIVE))
    return hashlib.sha256("\n".join(synset_folders(tree)).encode()).hexdigest()


KIND = DatasetKind(
    description="The 1281167 training images of ImageNet with labels",
    settings=Settings,
    read=read,
    state=_state,
    published=PUBLISHED,
    place=6,
)
