"""One process at a time in a folder: a lock that ends with the process that holds it."""

import contextlib
import errno
import fcntl
import os
import sys
from collections.abc import Iterator
from pathlib import Path

NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
"""What file systems without locks answer."""

MAX_BYTES = 1 << 16


@contextlib.contextmanager
def locked(path: str | Path, purpose: str) -> Iterator[str | None]:
    """Holds the file `path` locked; others wait, on this machine or on one that shares the folder.

    purpose: what the holder is doing. Yields the purpose of the process that was waited for last,
    None where nobody was. The file is removed in the end; one that a killed process left behind
    locks nobody out. Where the file system knows no locks, nobody waits.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    file, earlier = _acquired(path)
    try:
        os.ftruncate(file, 0)
        _write(file, path, purpose.encode()[:MAX_BYTES])
        yield earlier
    finally:
        # While it is still locked: who waits then sees that the file is gone, and makes another.
        path.unlink(missing_ok=True)
        os.close(file)


def _acquired(path: Path) -> tuple[int, str | None]:
    """An open, locked file that is still at `path`, and the purpose of who held it before."""
    earlier = None
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if _waited(file, path, tell=earlier is None):
                earlier = os.pread(file, MAX_BYTES, 0).decode(errors="replace")
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(file), path.stat()):
                    return file, earlier
        except BaseException:
            os.close(file)
            raise
        os.close(file)  # Its holder has removed it meanwhile.


def _waited(file: int, path: Path, tell: bool) -> bool:
    """Locks; returns whether another process held the lock."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if tell:
            print(f"waiting for another process that holds {path}", file=sys.stderr, flush=True)
        fcntl.flock(file, fcntl.LOCK_EX)
        return True
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
    return False


def _write(file: int, path: Path, text: bytes) -> None:
    try:
        os.write(file, text)
    except OSError as error:
        error.filename = str(path)
        raise
