"""Which files of a folder are images: one rule for checking a configuration and for packing."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff")


def image_files(root: str | Path) -> Iterator[os.DirEntry]:
    """Image files in `root` and the folders below it, in no order.

    Nothing hidden, no linked folder, no link that leaves the folder. Raises OSError where a
    folder cannot be read.
    """
    inside, pending = Path(root).resolve(), [os.fspath(root)]
    while pending:
        with os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
                elif entry.name.lower().endswith(SUFFIXES) and entry.is_file():
                    leaves = entry.is_symlink() and not Path(entry).resolve().is_relative_to(inside)
                    if not leaves:
                        yield entry


def folder_digest(root: str | Path) -> str:
    """Digest of the image files' names, sizes and times: it changes when the folder does."""
    lines = []
    for entry in image_files(root):
        status = entry.stat()
        name = os.path.relpath(entry.path, root)
        lines.append(f"{name}\0{status.st_size}\0{status.st_mtime_ns}")
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()
