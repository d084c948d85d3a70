"""Errors that a user can act on: one line, no traceback."""

import errno
import sys
from collections.abc import Callable


class UserError(Exception):
    """What went wrong, which key or file it concerns, and the remedy, in one line."""


def run(main: Callable[[], None]) -> None:
    """Runs a script's `main`; a `UserError` or a full disk ends it with one line and status 1."""
    try:
        main()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        print(
            f"error: disk full while writing {error.filename or 'a result'}: "
            "make space and run the same command again, finished jobs are kept",
            file=sys.stderr,
        )
        sys.exit(1)
