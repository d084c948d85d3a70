"""Which files of a folder are images: one rule for checking a configuration and for packing."""

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff")


def image_files(
    root: str | Path, order: Callable[[os.DirEntry], Any] | None = None
) -> Iterator[os.DirEntry]:
    """Image files in `root` and the folders below it, depth first.

    order: sort key of the entries of one folder; without it they come in no order. Nothing
    hidden, no linked folder, no link that leaves the folder. Holds the entries of one folder at a
    time and of those above it. Raises OSError where a folder cannot be read.
    """
    inside, pending = Path(root).resolve(), [_entries(root, order)]
    while pending:
        entry = next(pending[-1], None)
        if entry is None:
            pending.pop()
        elif entry.name.startswith("."):
            continue
        elif entry.is_dir(follow_symlinks=False):
            pending.append(_entries(entry.path, order))
        elif entry.name.lower().endswith(SUFFIXES) and entry.is_file():
            leaves = entry.is_symlink() and not Path(entry).resolve().is_relative_to(inside)
            if not leaves:
                yield entry


def _entries(folder: str | Path, order: Callable[[os.DirEntry], Any] | None) -> Iterator:
    with os.scandir(folder) as entries:
        yield from sorted(entries, key=order) if order else entries


def folder_digest(root: str | Path) -> str:
    """Digest of the image files' names, sizes and times: it changes when the folder does."""
    digest = hashlib.sha256()
    for entry in image_files(root, order=lambda entry: entry.name):
        status = entry.stat()
        name = os.path.relpath(entry.path, root)
        line = f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n"
        digest.update(line.encode(errors="surrogateescape"))
    return digest.hexdigest()
