"""Errors that a user can act on: one line, no traceback."""

import contextlib
import errno
import sys
from collections.abc import Callable

NO_SPACE = {
    errno.ENOSPC: "disk full",
    errno.EDQUOT: "disk quota used up",
    errno.EFBIG: "file too large",
}
"""What an `OSError` says when a file has no room: on the disk, in a quota, under `ulimit -f`."""


class UserError(Exception):
    """What went wrong, which key or file it concerns, and the remedy, in one line."""


def exit_cleanly(main: Callable[[], None]) -> None:
    """Runs a script's `main`; a `UserError` or a full disk ends it with one line and status 1."""
    try:
        main()
    except UserError as error:
        _end(str(error))
    except OSError as error:
        if error.errno not in NO_SPACE:
            raise
        _end(
            f"{NO_SPACE[error.errno]} while writing {error.filename or 'a result'}: "
            "make space and run the same command again, finished jobs are kept"
        )


def _end(line: str) -> None:
    with contextlib.suppress(OSError):  # the log may lie on the disk that is full
        print(f"error: {line}", file=sys.stderr, flush=True)
    sys.exit(1)
