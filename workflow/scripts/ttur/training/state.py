"""Resume state: written atomically, read only where it fits the job."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ..files import atomic_path

_VERSION = 1


def fingerprint(*parts: Any) -> str:
    """Digest of everything a state depends on (settings, data, features), as JSON values."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


class StateFile:
    """The state of one job, in a file that no rule declares as output.

    Snakemake deletes declared outputs before it runs a job again; this file survives.
    """

    def __init__(self, path: str | Path, job: str):
        self._path, self._job = Path(path), job

    def save(self, state: Mapping[str, Any]) -> None:
        """Replaces the saved state; a kill at any moment leaves the old or the new one."""
        with atomic_path(self._path) as temporary:
            torch.save({"version": _VERSION, "job": self._job, "state": dict(state)}, temporary)

    def load(self) -> tuple[dict[str, Any] | None, str]:
        """The state, or None where there is none to use; and one line that says which and why."""
        if not self._path.exists():
            return None, "starting from the beginning"
        try:
            saved = torch.load(self._path, map_location="cpu", weights_only=True)
            version, job, state = saved["version"], saved["job"], saved["state"]
        except Exception as error:  # whatever a damaged file makes torch raise
            return None, f"{self._path} is damaged ({type(error).__name__}): starting anew"
        if version != _VERSION:
            return None, f"{self._path} is of another version: starting anew"
        if job != self._job:
            return None, f"{self._path} belongs to other settings or data: starting anew"
        return state, f"continuing from {self._path}"

    def remove(self) -> None:
        """Deletes the state, once the outputs are complete, and its folder if empty."""
        self._path.unlink(missing_ok=True)
        # What a kill in the middle of a save left behind.
        for torn in self._path.parent.glob(f".{self._path.stem}.*{self._path.suffix}"):
            torn.unlink(missing_ok=True)
        for folder in self._path.parents:
            try:
                folder.rmdir()
            except OSError:
                break
