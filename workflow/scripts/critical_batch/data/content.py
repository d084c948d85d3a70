"""What a packed data set holds, told from where it came from."""

import hashlib
import json
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..runtime.errors import UserError
from ..runtime.files import read_json

CONTENT = (
    *("name", "images", "height", "width", "channels", "classes", "class_names"),
    *("sha256", "sample_sha256"),
)
"""Keys of a manifest on which depends what is made of the data; others say where they are from."""

LIMITS = ("expected_images", "max_skipped_share")
"""Settings of a data set that decide whether its images are accepted, not what they are."""

NOT_PIXELS = ("root", *LIMITS)
"""These, and the one that says where they are."""


def content_digest(directory: str | Path) -> str:
    """SHA-256 of what a packed data set holds, as its manifest says; "" where there is none.

    The same for the same pixels and labels of a folder that was moved, copied or touched.
    """
    manifest = manifest_of(directory)
    if manifest is None:
        return ""
    return hashlib.sha256(json.dumps([manifest[key] for key in CONTENT]).encode()).hexdigest()


def manifest_of(directory: str | Path) -> dict[str, Any] | None:
    """The manifest of a packed data set; None where it is missing, damaged or lacks a key.

    Not for jobs, which say what is wrong with it (`packed.PackedDataset.open`).
    """
    path = Path(directory, "manifest.json")
    try:
        status = os.stat(path)
        return _read(path, status.st_ino, status.st_size, status.st_mtime_ns)
    except (OSError, UserError):
        return None


@lru_cache(maxsize=64)  # thousands of jobs ask of a few data sets
def _read(path: Path, *version: int) -> dict[str, Any] | None:
    manifest = read_json(path)
    known = isinstance(manifest, dict) and {*CONTENT, "kind"} <= manifest.keys()
    return manifest if known else None
