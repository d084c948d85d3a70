"""Which files of a folder are images: one rule for checking a configuration and for packing.

Links are followed; every real folder is read once. What systems put beside a user's files
(thumbnails, metadata, bins) and hidden entries are no images and no classes.
"""

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from .formats import FORMAT_NAMES, has_picture, promises_picture
from .tally import Tally

SYSTEM_NAMES = frozenset(
    {
        *("thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "recycler"),
        *("system volume information", "found.000", "lost+found", "__macosx", "icon\r"),
        *("network trash folder", "temporary items", "@eadir", "@tmp", "#recycle", "#snapshot"),
        *("@recycle", "@recently-snapshot", "~snapshot"),
    }
)
"""Windows, macOS, Linux, and NAS of several makers, in lower case."""

SYSTEM = "hidden or put there by the system"
NO_PICTURE = f"none of {FORMAT_NAMES}"
NO_FILE = "no regular file"
UNREADABLE = "cannot be read"
NOWHERE = "link to nothing"
LOOP = "link to a folder above it"
READ_ALREADY = "link to a folder that is read elsewhere"


class Found(NamedTuple):
    """A file. path: to open it. name: below the folder that was listed, with slashes."""

    path: str
    name: str


Order = Callable[[os.DirEntry], Any]


def natural(entry: os.DirEntry) -> tuple:
    """Sort key of entries: runs of digits compare as numbers, 2 before 10."""
    parts: list[str | int] = re.split(r"([0-9]+)", entry.name)
    parts[1::2] = map(int, parts[1::2])  # texts (even places) and numbers alternate
    return parts, entry.name


def image_files(
    root: str | Path, order: Order | None = None, unused: Tally | None = None
) -> Iterator[Found]:
    """The images in `root` and the folders below it, depth first.

    An image is a file with a picture's content, or with a name that promises one. order: sort key
    of the entries of one folder; without it they come in no order, and no further is read than
    images are asked for. unused: gets everything else that lies there. Raises OSError where a
    folder cannot be read.
    """
    for file in _files(root, order, unused):
        reason = _no_image(file)
        if reason is None:
            yield file
        else:
            _note(unused, reason, file.name)


def top_level(root: str | Path) -> tuple[list[Found], list[Found]]:
    """The folders in `root` that are read, which with labels are the classes, and the files.

    Both in natural order; nothing below is looked at.
    """
    visits = _Visits(root)
    found: dict[str, list[Found]] = {_FOLDER: [], _FILE: []}
    for entry, what in visits.judged(root, visits.inside, natural):
        if what in found:
            found[what].append(Found(entry.path, entry.name))
    return found[_FOLDER], found[_FILE]


def folder_digest(root: str | Path) -> str:
    """Digest of the files' names, sizes and times: it changes when the folder does."""
    digest = hashlib.sha256()
    for path, name in _files(root, order=lambda entry: entry.name):
        status = os.stat(path)
        line = f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n"
        digest.update(line.encode(errors="surrogateescape"))
    return digest.hexdigest()


def _no_image(file: Found) -> str | None:
    """Why a file is no image; None where it is one."""
    try:
        return None if promises_picture(file.name) or has_picture(*file) else NO_PICTURE
    except OSError:
        return UNREADABLE


_FOLDER, _FILE = "folder", "file"


class _Level(NamedTuple):
    """A folder that is being read: what is left of its entries, its real path, its name."""

    entries: Iterator[tuple[os.DirEntry, str]]
    real: str
    prefix: str


def _files(root: str | Path, order: Order | None, unused: Tally | None = None) -> Iterator[Found]:
    """All visible regular files in and below a folder. Holds the entries of few folders at once."""
    visits = _Visits(root)
    pending = [_Level(visits.judged(root, visits.inside, order), visits.inside, "")]
    while pending:
        level = pending[-1]
        entry, what = next(level.entries, (None, ""))
        if entry is None:
            pending.pop()
            continue
        name = level.prefix + entry.name
        if what is _FILE:
            yield Found(entry.path, name)
        elif what is _FOLDER:
            real = os.path.realpath(entry.path)
            pending.append(_Level(visits.judged(entry.path, real, order), real, f"{name}/"))
        else:
            _note(unused, what, name)


class _Visits:
    """Which folders are read: every real one once, and none that holds the one it is found in."""

    def __init__(self, root: str | Path):
        self.inside = os.path.realpath(root)
        self._seen = {_identity(os.stat(root))}

    def judged(
        self, folder: str | Path, real: str, order: Order | None
    ) -> Iterator[tuple[os.DirEntry, str]]:
        """The entries of a folder, each with `_FOLDER`, `_FILE` or why it is not read.

        real: the folder's real path. With an order all are judged before the first is handed out,
        so that a folder belongs to where it is highest, not to what comes first.
        """
        with os.scandir(folder) as entries:
            if order is None:
                yield from ((entry, self._judge(entry, real)) for entry in entries)
            else:
                ordered = sorted(entries, key=order)
        if order is not None:
            yield from [(entry, self._judge(entry, real)) for entry in ordered]

    def _judge(self, entry: os.DirEntry, above: str) -> str:
        if _is_system(entry.name):
            return SYSTEM
        try:
            if not entry.is_dir():
                if entry.is_file():
                    return _FILE
                entry.stat()  # raises where a link leads nowhere, or to itself
                return NO_FILE
            return self._refusal(entry, above) or _FOLDER
        except OSError:
            if entry.is_symlink():
                return NOWHERE
            raise

    def _refusal(self, entry: os.DirEntry, above: str) -> str | None:
        if entry.is_symlink():
            target = os.path.realpath(entry.path)
            if _is_below(above, target):
                return LOOP
            # What lies in the root itself is read there, under its own name.
            inside = os.path.relpath(target, self.inside)
            if _is_below(target, self.inside) and not any(map(_is_system, inside.split(os.sep))):
                return READ_ALREADY
        identity = _identity(entry.stat())
        if identity in self._seen:
            return READ_ALREADY
        self._seen.add(identity)
        return None


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _is_below(path: str, folder: str) -> bool:
    """Whether a real path is a folder or lies in it."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _is_system(name: str) -> bool:
    return name.startswith(".") or name.lower() in SYSTEM_NAMES


def _note(unused: Tally | None, reason: str, name: str) -> None:
    if unused is not None:
        unused.add(reason, name)
