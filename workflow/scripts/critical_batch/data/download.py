"""Fetching one large file over HTTP, going on where an earlier attempt ended."""

import http.client
import os
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from ..runtime import files
from ..runtime.errors import UserError
from ..runtime.locks import locked
from ..runtime.progress_line import ProgressLine

BLOCK = 1 << 20
TIMEOUT_SECONDS = 60


def download(
    url: str, path: str | Path, size: int | None = None, sha256: str | None = None
) -> None:
    """Fetches `url` into `path`; size in bytes and digest are checked where they are known.

    The file grows as `.NAME.partial` beside `path`, from which the next call goes on if this one
    is ended. Where another process is fetching the same, it waits and takes over what that one
    fetched. Raises UserError: the partial file stays after a broken transfer and is deleted where
    it is not what was asked for.
    """
    path = Path(path)
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise UserError(f"{url!r} is not an address for a download: use http or https")
    with locked(path.with_name(f".{path.name}.lock"), url) as earlier:
        if earlier != url or not path.exists():
            _fetch(url, path, size, sha256)


def _fetch(url: str, path: Path, size: int | None, sha256: str | None) -> None:
    partial = path.with_name(f".{path.name}.partial")
    partial.touch()
    if size is None or partial.stat().st_size != size:
        _transfer(url, partial, size, path.name)
    found = partial.stat().st_size
    if size not in (None, found):
        partial.unlink()
        raise UserError(f"{url} has {found} bytes, not {size}: the file there has changed")
    if sha256 is not None and files.sha256(partial) != sha256:
        partial.unlink()
        raise UserError(
            f"{url} has not the sha256 {sha256}: run the same command again; "
            "where that does not help, the file there has changed"
        )
    os.replace(partial, path)


def _transfer(url: str, partial: Path, size: int | None, name: str) -> None:
    """Appends to `partial` what it lacks, or starts over where the server cannot do that."""
    start = partial.stat().st_size
    request = urllib.request.Request(url, headers={"Range": f"bytes={start}-"} if start else {})
    try:
        response = _opener().open(request, timeout=TIMEOUT_SECONDS)
    except urllib.error.HTTPError as error:
        with error:
            length = error.headers.get("Content-Range")
        if error.code != 416:
            text = f"HTTP {error.code} {' '.join(str(error.reason).split())}"
            raise UserError(f"{url}: {text}: look up where the file is now") from None
        if length == f"bytes */{start}":  # Nothing is lacking.
            return
        partial.unlink()
        raise UserError(
            f"{url} is shorter than what was fetched: run the same command again"
        ) from None
    except (OSError, http.client.HTTPException) as error:
        text = " ".join(str(getattr(error, "reason", error)).split())
        raise UserError(f"{url}: {text}: check the network and run the command again") from None
    with response:
        if response.status != 206:  # The server sends all of it.
            start = 0
        elif not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            raise UserError(f"{url}: the server sends another part: delete {partial} and run again")
        length = response.headers.get("Content-Length", "")
        total = start + int(length) if length.isdecimal() else size
        if size not in (None, total):
            raise UserError(f"{url} has {total} bytes, not {size}: the file there has changed")
        done = _append(url, response, partial, start, total, name)
    if total is not None and done < total:
        raise _broken(url, done, total)


def _append(
    url: str,
    response: http.client.HTTPResponse,
    partial: Path,
    start: int,
    total: int | None,
    name: str,
) -> int:
    """Writes the response from byte `start` of the file on; returns the length of the file."""
    million = 1_000_000
    progress = ProgressLine(name, "MB", total and total // million, start // million)
    done = start
    with open(partial, "r+b") as file:
        file.truncate(start)
        file.seek(start)
        while total is None or done < total:
            try:
                block = response.read(BLOCK)
            except (OSError, http.client.HTTPException):
                raise _broken(url, done, total) from None
            if not block:
                break
            file.write(block)
            done += len(block)
            if progress.due():
                progress.report(done // million)
        file.flush()
        os.fsync(file.fileno())
    return done


def _broken(url: str, done: int, total: int | None) -> UserError:
    of = "" if total is None else f" of {total}"
    return UserError(
        f"{url}: the transfer ended after {done}{of} bytes: run the same command again to go on"
    )


def _opener() -> urllib.request.OpenerDirector:
    """Follows redirections to http and https only: no handler of anything else is there."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.UnknownHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPRedirectHandler,
        urllib.request.HTTPErrorProcessor,
    ):
        opener.add_handler(handler())
    return opener
