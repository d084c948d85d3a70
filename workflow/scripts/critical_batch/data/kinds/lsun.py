"""LSUN, bedroom_train: 3,033,042 images in an LMDB database, keys to encoded images.

Yu, Seff, Zhang, Song, Funkhouser, Xiao, "LSUN: Construction of a Large-scale Image Dataset using
Deep Learning with Humans in the Loop", https://www.yf.io/p/lsun
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from ...runtime.errors import UserError
from ..paper_datasets import Archive, Published, expected
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
from . import DatasetKind

if TYPE_CHECKING:
    import lmdb

DATABASE = "bedroom_train_lmdb"
FILE = f"{DATABASE}/data.mdb"
IMAGES = 3_033_042
RULE = "shortest_side"
KEYS_AT_ONCE = 1_000
TOLERATED_BYTES = 1 << 20

# Size and SHA-256 as recorded by TensorFlow Datasets (https://github.com/tensorflow/datasets,
# tensorflow_datasets/url_checksums/lsun.txt); the site itself publishes neither.
PUBLISHED = Published(
    title="LSUN, bedroom_train",
    page="https://www.yf.io/p/lsun",
    licence="none stated; images found on the web, for research",
    remedy="run `snakemake download`, or unzip bedroom_train_lmdb.zip from "
    "http://dl.yf.io/lsun/scenes/ (46 GB) there",
    archive=Archive(
        url="http://dl.yf.io/lsun/scenes/bedroom_train_lmdb.zip",
        name="bedroom_train_lmdb.zip",
        size=45_922_737_680,
        sha256="a15644c2e7153106867f0adb3491fc41224102d1f01b24494fb47d9f5d1f174e",
        member=FILE,
    ),
)


@dataclass(frozen=True, kw_only=True)
class Settings(DatasetSettings):
    root: str = root_field(f"Folder of {DATABASE}", default="resources/lsun")
    image_size: ImageSize = image_size_field()
    expected_images: int | None = expected_images_field()
    max_skipped_share: float = skipped_share_field()

    channels: ClassVar[int] = 3
    has_labels: ClassVar[bool] = False

    @property
    def images(self) -> int | None:
        return expected(self.expected_images, IMAGES)


def read(settings: Settings, where: str) -> Source:
    """Images come in the order of the database's keys. The shortest side is resized and the centre
    cut out."""
    from ..resize import PAPER_FILTER, describe

    size = settings.image_size
    database = PUBLISHED.existing(settings.root, FILE, where).parent
    with _transaction(database) as transaction:
        count = transaction.stat()["entries"]
    return Source(
        source=f"{PUBLISHED.title}, {PUBLISHED.page}",
        licence=PUBLISHED.licence,
        resize=describe(size, RULE, PAPER_FILTER),
        class_names=[],
        shape=(size, size, 3),
        items=partial(_items, database),
        decoder=partial(_decoder, database, size),
        count=count,
        expected=settings.images,
        max_skipped_share=settings.max_skipped_share,
    )


def _items(database: Path) -> Iterator[Item]:
    key = b""
    while True:
        with _transaction(database) as transaction, transaction.cursor() as cursor:
            # No key lies between one and the same with a zero byte after it.
            if not cursor.set_range(key and key + b"\0"):
                return
            keys = [bytes(key) for key in islice(cursor.iternext(values=False), KEYS_AT_ONCE)]
        for key in keys:
            yield Item(key.decode("ascii", "backslashreplace"), -1, key)


@contextmanager
def _decoder(database: Path, size: int) -> Iterator[Decode]:
    from ..pictures import decode_rgb

    with _transaction(database) as transaction:
        yield lambda key: decode_rgb(transaction.get(key), size, RULE)


@contextmanager
def _transaction(database: Path) -> Iterator["lmdb.Transaction"]:
    """A read transaction, opened for few images at a time.

    A process may open a database once and must not inherit it; and the pages that it has read
    count as its memory until it closes it.
    """
    # Imported here: no other kind of data set needs the package.
    import lmdb

    try:
        environment = lmdb.open(
            str(database), create=False, readonly=True, lock=False, readahead=False, meminit=False
        )
        with environment:
            _check_size(database / "data.mdb", environment)
            with environment.begin(buffers=True) as transaction:
                yield transaction
    except lmdb.Error as error:
        raise UserError(f"{database} is damaged ({error}): unzip or download it again") from None


def _check_size(file: Path, environment: "lmdb.Environment") -> None:
    """Reading beyond the end of a truncated file would kill the process.

    The last few pages may never have been written, so a little is allowed to lack.
    """
    needed = (environment.info()["last_pgno"] + 1) * environment.stat()["psize"]
    found = file.stat().st_size
    if found < needed - TOLERATED_BYTES:
        raise UserError(f"{file} has {found} of {needed} bytes: unzip or download {DATABASE} again")


def _state(root: str) -> str:
    return file_state(Path(root, FILE))


KIND = DatasetKind(
    description="The 3033042 bedrooms of LSUN without labels",
    settings=Settings,
    read=read,
    state=_state,
    published=PUBLISHED,
    place=4,
)
