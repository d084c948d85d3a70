"""Raw files: whether they are there, and a short text that changes when they do."""

import os

from ..runtime.files import sha256
from .kinds import DATASET_KINDS


def raw_is_there(kind: str, root: str | None) -> bool:
    """Whether there are raw files to prepare a data set from; a kind without root has its own."""
    if root is None:
        return True
    entry = DATASET_KINDS[kind]
    if entry.raw_files:
        return all(os.path.isfile(os.path.join(root, name)) for name in entry.raw_files)
    return entry.is_there(root) if entry.is_there else entry.state(root) != ""


def raw_state(kind: str, root: str | None) -> str:
    """State of a data set's raw files; "" where there are none, or `raw_digest` reads them."""
    entry = DATASET_KINDS.get(kind)
    if root is None or entry is None or entry.raw_files:
        return ""
    return entry.state(root)


def raw_digest(kind: str, root: str | None) -> str:
    """Digest of the content of few small files, else `raw_state`; "" where there are none."""
    if root is None or not raw_is_there(kind, root):
        return ""
    files = (os.path.join(root, name) for name in DATASET_KINDS[kind].raw_files)
    return " ".join(map(sha256, files)) or raw_state(kind, root)
