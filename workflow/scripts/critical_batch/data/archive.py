"""Members of a tar archive of unknown origin, found without unpacking anything to disk."""

import io
import re
import tarfile
from pathlib import Path
from typing import BinaryIO, NamedTuple

from ..runtime.errors import UserError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""Plain file names: no folders, nothing hidden, nothing that leads elsewhere."""

MAX_MEMBERS = 100_000
"""Of one archive; the largest class of ImageNet has 1,300 images, and there are 1,000 classes."""

MAX_HEADER = 1 << 20
"""Bytes read at once while looking for members: a longer header is not one."""


class Member(NamedTuple):
    """A regular file: its name, and where its bytes are in the file that was opened."""

    name: str
    offset: int
    size: int


def tar_members(
    path: Path, max_size: int, offset: int = 0, size: int | None = None
) -> list[Member]:
    """The members of an uncompressed tar archive, sorted by name.

    The archive takes up `size` bytes of the file from `offset` on, without a size all of it. Raises
    UserError where it is damaged, truncated or compressed, and where a member is not a regular
    file with a plain name of its own and at most `max_size` bytes.
    """
    if size is None:
        offset, size = 0, path.stat().st_size
    members: dict[str, Member] = {}
    try:
        with open(path, "rb") as file:
            window = _Window(file, offset, size)
            with tarfile.open(fileobj=window, mode="r:") as archive:
                for info in archive:
                    _check(path, info, max_size, members)
                    members[info.name] = Member(info.name, offset + info.offset_data, info.size)
                # tarfile takes damage in the middle for the end, which two blocks of zeros mark.
                window.seek(archive.offset)
                if any(window.read(tarfile.BLOCKSIZE)):
                    raise tarfile.ReadError("damaged in the middle")
    except (tarfile.TarError, ValueError, OverflowError, RecursionError) as error:
        text = " ".join(str(error).split())
        where = f"{path} from byte {offset}" if offset else str(path)
        raise UserError(
            f"{where} is not a whole uncompressed tar archive ({text}): fetch it again"
        ) from None
    return [members[name] for name in sorted(members)]


def _check(path: Path, info: tarfile.TarInfo, max_size: int, members: dict[str, Member]) -> None:
    problem = None
    if info.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or info.issparse():
        problem = "is not a regular file"
    elif not NAME.fullmatch(info.name):
        problem = "has a name that is not plain"
    elif info.name in members:
        problem = "is there twice"
    elif not 0 <= info.size <= max_size:
        problem = f"has {info.size} bytes, not 0 to {max_size}"
    elif len(members) == MAX_MEMBERS:
        problem = f"is one more than {MAX_MEMBERS}"
    if problem:
        name = repr(info.name[:100])
        raise UserError(f"{path}: member {name} {problem}: fetch the archive again")


class _Window(io.RawIOBase):
    """Part of a file as a file of its own; reading past its end or much at once is an error."""

    def __init__(self, file: BinaryIO, offset: int, size: int):
        self._file, self._offset, self._size, self._position = file, offset, size, 0

    def tell(self) -> int:
        return self._position

    def seek(self, position: int, whence: int = io.SEEK_SET) -> int:
        self._position = position
        return position

    def read(self, size: int) -> bytes:
        if not 0 <= size <= MAX_HEADER or not 0 <= self._position <= self._size - size:
            raise tarfile.ReadError("ends too early, or has a header that is too long")
        self._file.seek(self._offset + self._position)
        data = self._file.read(size)
        self._position += len(data)
        if len(data) < size:
            raise tarfile.ReadError("ends too early")
        return data
