"""A short text that changes when raw data do: what rules compare in place of millions of files."""

import os
from pathlib import Path

from .listing import folder_digest


def folder_state(root: str) -> str:
    """Of a folder: every visible file's name, size and time; "" where it is none."""
    return folder_digest(root) if os.path.isdir(root) else ""


def file_state(path: Path) -> str:
    """Of a file: name, size and time; "" where there is none."""
    try:
        status = path.stat()
    except OSError:
        return ""
    return f"{path.name} {status.st_size} bytes {status.st_mtime_ns}"
