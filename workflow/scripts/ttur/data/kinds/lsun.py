"""LSUN, bedroom_train: 3,033,042 images in an LMDB database, keys to encoded images.

Yu, Seff, Zhang, Song, Funkhouser, Xiao, "LSUN: Construction of a Large-scale Image Dataset using
Deep Learning with Humans in the Loop", https://www.yf.io/p/lsun
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import UserError
from ..pictures import decode_rgb
from ..resize import PAPER_FILTER, describe
from ..settings import image_size, skipped_share
from ..source import Decode, Item, Source
from ..sources import LSUN_DATABASE, PUBLISHED, existing, expected_images

if TYPE_CHECKING:
    import lmdb

RULE = "shortest_side"
KEYS_AT_ONCE = 1_000
TOLERATED_BYTES = 1 << 20


def read(settings: dict) -> Source:
    """settings: name, kind, image_size, root, expected_images, max_skipped_share.

    root holds the folder bedroom_train_lmdb; images come in the order of its keys. The shortest
    side is resized and the centre cut out.
    """
    size = image_size(settings)
    database = existing(settings, f"{LSUN_DATABASE}/data.mdb").parent
    with _transaction(database) as transaction:
        count = transaction.stat()["entries"]
    return Source(
        source=f"{PUBLISHED['lsun'].title}, {PUBLISHED['lsun'].page}",
        licence=PUBLISHED["lsun"].licence,
        resize=describe(size, RULE, PAPER_FILTER),
        class_names=[],
        shape=(size, size, 3),
        items=partial(_items, database),
        decoder=partial(_decoder, database, size),
        count=count,
        expected=expected_images(settings),
        max_skipped_share=skipped_share(settings),
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
        raise UserError(
            f"{file} has {found} of {needed} bytes: unzip or download {LSUN_DATABASE} again"
        )
