"""Raw files: whether they are there, and a short text that changes when they do."""

import os
from itertools import islice

from ..files import sha256
from .listing import image_files
from .state import raw_state

RAW_FILES = {"fashion_mnist": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz")}
"""Kinds of a few small files, which are known by their content."""


def raw_is_there(kind: str, root: str | None) -> bool:
    """Whether there are raw files to prepare a data set from; a kind without root has its own."""
    if root is None:
        return True
    if kind in RAW_FILES:
        return all(os.path.isfile(os.path.join(root, name)) for name in RAW_FILES[kind])
    if kind == "image_folder":
        return os.path.isdir(root) and any(islice(image_files(root), 1))
    return raw_state(kind, root) != ""


def raw_digest(kind: str, root: str | None) -> str:
    """Digest of the content of few small files, else `raw_state`; "" where there are none."""
    if root is None or not raw_is_there(kind, root):
        return ""
    if kind in RAW_FILES:
        return " ".join(sha256(os.path.join(root, name)) for name in RAW_FILES[kind])
    return raw_state(kind, root)
