"""Resume state: written atomically, with its digest, and read only where it fits the job."""

import hashlib
import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import torch

from ..runtime.files import atomic_path, remove_empty_folders

_FORMAT, _VERSION = "critical-batch-state", 4
_FORMER, _LAST_FORMER = "ttur-state", 3  # what the format was called before
_LONGEST_HEADER = 4096


def fingerprint(*parts: Any) -> str:
    """Digest of everything a state depends on (settings, data, code), as JSON values."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


class StateFile:
    """The state of one job, in files that no rule declares as output.

    Snakemake deletes declared outputs before it runs a job again; these files survive. A file is
    one line of text, `critical-batch-state VERSION JOB SHA256 BYTES`, then what torch.save wrote.
    The digest is of the whole file, the line's other words included. Beside `state.pt` stands the
    state that was saved before it, `state.previous.pt`.
    """

    def __init__(self, path: str | Path, job: str):
        self.path, self._job = Path(path), job
        self._previous = self.path.with_stem(f"{self.path.stem}.previous")
        self._keep = False  # whether the present file is worth keeping beside the next one

    def save(self, state: Mapping[str, Any]) -> None:
        """Replaces the saved state; a kill or an error at any moment leaves a good one.

        OSError where it cannot be written, a full disk for example.
        """
        with atomic_path(self.path) as temporary, open(temporary, "wb") as file:
            payload = _Digesting(file)
            file.write(_header(_FORMAT, _VERSION, self._job, "0" * 64, 0))
            payload.save(dict(state))
            file.seek(0)
            digest = _digest(_VERSION, self._job, payload.size, payload.sha256.hexdigest())
            file.write(_header(_FORMAT, _VERSION, self._job, digest, payload.size))
            file.flush()
            os.fsync(file.fileno())
            if self._keep and self.path.exists():
                os.replace(self.path, self._previous)
        self._keep = True

    def load(self) -> tuple[dict[str, Any] | None, str]:
        """The newest state that is good, or None; and one line that says which and why."""
        faults = []
        for path in (self.path, self._previous):
            try:
                state = self._read(path)
            except FileNotFoundError:
                continue
            except _Unusable as fault:
                faults.append(f"{path} {fault}")
                continue
            self._keep = path == self.path
            return state, "; ".join([*faults, f"continuing from {path}"])
        return None, "; ".join([*faults, "starting from the beginning"])

    def remove(self) -> None:
        """Deletes the state, once the outputs are complete, and its folders where empty."""
        for path in (self.path, self._previous):
            path.unlink(missing_ok=True)
        # What a kill in the middle of a save left behind.
        for torn in self.path.parent.glob(f".{self.path.stem}.*{self.path.suffix}"):
            torn.unlink(missing_ok=True)
        remove_empty_folders(self.path.parent)

    def _read(self, path: Path) -> dict[str, Any]:
        try:
            with open(path, "rb") as file:
                header, payload = file.readline(_LONGEST_HEADER), file.read()
        except FileNotFoundError:
            raise
        except OSError as error:
            raise _Unusable(f"cannot be read ({error.strerror})") from None
        try:
            _, version, job, _, size = header.decode("ascii").split()
            found = _digest(int(version), job, int(size), hashlib.sha256(payload).hexdigest())
            # Byte for byte, so that not even another way to write a number passes.
            called = _FORMAT if int(version) > _LAST_FORMER else _FORMER
            sound = header == _header(called, int(version), job, found, len(payload))
        except ValueError:
            sound = False
        if not sound:
            raise _Unusable("is damaged")
        if int(version) != _VERSION:
            raise _Unusable(f"is of version {version} of its format, not {_VERSION}")
        if job != self._job:
            raise _Unusable("belongs to other settings, data or code")
        try:
            return torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
        except Exception as error:  # torch raises almost anything
            raise _Unusable(f"cannot be read ({type(error).__name__})") from None


class _Unusable(Exception):
    """Why a file is not resumed from, in words that follow its name."""


def _header(name: str, version: int, job: str, digest: str, size: int) -> bytes:
    return f"{name} {version} {job} {digest} {size:020}\n".encode("ascii")


def _digest(version: int, job: str, size: int, payload: str) -> str:
    return hashlib.sha256(f"{version} {job} {size} {payload}".encode("ascii")).hexdigest()


class _Digesting:
    """Where torch.save writes to: passes the bytes on and takes their digest."""

    def __init__(self, file: BinaryIO):
        self._file, self._error = file, None
        self.sha256, self.size = hashlib.sha256(), 0

    def save(self, state: dict[str, Any]) -> None:
        try:
            torch.save(state, self)
        except Exception:
            if self._error is not None:  # torch's writer has made something else of it
                raise self._error from None
            raise

    def write(self, data: bytes) -> int:
        try:
            self._file.write(data)
        except OSError as error:
            self._error = error
            raise
        self.sha256.update(data)
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        self._file.flush()
