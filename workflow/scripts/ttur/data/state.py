"""A short text that changes when raw data do: what rules compare in place of millions of files."""

import hashlib
import os
import re
from pathlib import Path

from .listing import folder_digest
from .sources import CELEBA_PARTITION, IMAGENET_ARCHIVE, IMAGENET_FOLDER, LSUN_DATABASE

SYNSET = re.compile(r"n[0-9]{8}")
"""A class of ImageNet: its WordNet number."""


def raw_state(kind: str, root: str | None) -> str:
    """State of a data set's raw files; "" where there are none, or `raw.raw_digest` reads them.

    image_folder: every visible file's name, size and time, image or not. lsun, celeba and imagenet
    as an archive: size and time of the database, the partition file, the archive. imagenet as a
    tree: its classes.
    """
    match kind:
        case "image_folder":
            return folder_digest(root)
        case "lsun":
            return _stamp(Path(root, LSUN_DATABASE, "data.mdb"))
        case "celeba":
            return _stamp(Path(root, CELEBA_PARTITION))
        case "imagenet":
            tree = Path(root, IMAGENET_FOLDER)
            if not tree.is_dir():
                return _stamp(Path(root, IMAGENET_ARCHIVE))
            return hashlib.sha256("\n".join(synset_folders(tree)).encode()).hexdigest()
        case _:
            return ""


def synset_folders(tree: Path) -> list[str]:
    """The class folders of ImageNet's tree, sorted; links are followed."""
    with os.scandir(tree) as entries:
        return sorted(
            entry.name for entry in entries if SYNSET.fullmatch(entry.name) and entry.is_dir()
        )


def _stamp(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return ""
    return f"{path.name} {status.st_size} bytes {status.st_mtime_ns}"
