"""A packed data set that is being written, so that an interrupted preparation goes on.

Beside the final files stand `.images.partial` (an .npy file in the making), `.labels.partial`
(int64 values) and `.partial.json`, the journal: how many images of the two are valid, their
digest, which names were skipped so far and why, and what they were made from. The journal is
written after the data that it vouches for, so after a kill at any time it holds.
"""

import contextlib
import hashlib
import json
import math
import os
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import numpy as np

from ..runtime.files import atomic_path, write_json
from .tally import Tally
from .workers import Chunk

CHUNK_BYTES = 1 << 24


class Partial:
    """Opens what an interrupted preparation left, if it was made from the same: `fingerprint`.

    images, skipped: what was written and skipped so far. reasons: why it was skipped; remarks: on
    what was written; highest: its largest sample of 16 bits. A context manager; leaving it keeps
    the files unless nothing is in them.
    """

    def __init__(self, directory: Path, shape: tuple[int, int, int], fingerprint: str):
        self._directory, self._shape, self._fingerprint = directory, shape, fingerprint
        self._journal = directory / ".partial.json"
        self._images = _open(directory / ".images.partial")
        self._labels = _open(directory / ".labels.partial")
        self.images, self.skipped = 0, []
        self.reasons, self.remarks, self.highest = Tally(), Tally(), 0
        self._digest = hashlib.sha256()
        self._write_header()
        start = self._images.tell()
        self._resume()
        self._images.seek(start + self.images * math.prod(shape))
        self._images.truncate()
        self._labels.seek(self.images * 8)
        self._labels.truncate()

    @property
    def items(self) -> int:
        """How many items of the source are done."""
        return self.images + len(self.skipped)

    def append(self, chunk: Chunk) -> None:
        self._images.write(chunk.pixels)
        self._labels.write(np.array(chunk.labels, dtype="<i8").tobytes())
        self._digest.update(chunk.pixels)
        self.images += len(chunk.labels)
        for name, reason in chunk.skipped:
            self.skipped.append(name)
            self.reasons.add(reason, name)
        for name, remark in chunk.remarks:
            self.remarks.add(remark, name)
        self.highest = max(self.highest, chunk.highest)

    def checkpoint(self) -> None:
        """What was appended so far outlives a kill."""
        _sync(self._images)
        _sync(self._labels)
        journal = {
            "fingerprint": self._fingerprint,
            "images": self.images,
            "sha256": self._digest.hexdigest(),
            "skipped": self.skipped,
            "reasons": self.reasons.rows(),
            "remarks": self.remarks.rows(),
            "highest": self.highest,
        }
        write_json(self._journal, journal)

    def finish(self) -> tuple[np.ndarray, str]:
        """Puts `labels.npy` and `images.npy` in place; returns the labels [N] and the sha256.

        The journal stays until `discard`.
        """
        self._labels.seek(0)
        labels = np.frombuffer(self._labels.read(), dtype="<i8")
        self._digest.update(labels.tobytes())
        with atomic_path(self._directory / "labels.npy") as temporary:
            np.save(temporary, labels, allow_pickle=False)
        self._images.seek(0)
        self._write_header()
        _sync(self._images)
        os.replace(self._images.name, self._directory / "images.npy")
        return labels, self._digest.hexdigest()

    def discard(self) -> None:
        for path in (self._journal, self._images.name, self._labels.name):
            Path(path).unlink(missing_ok=True)

    def __enter__(self) -> "Partial":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for file in (self._images, self._labels):
            # What matters is on the disk already; on a full disk closing would fail once more.
            with contextlib.suppress(OSError):
                file.close()
        if isinstance(error, OSError) and error.filename is None:
            error.filename = self._images.name
        if not self.items:
            self.discard()

    def _write_header(self) -> None:
        """NumPy pads the header so that the first axis can grow in place."""
        header = {"descr": "|u1", "fortran_order": False, "shape": (self.images, *self._shape)}
        np.lib.format.write_array_header_1_0(self._images, header)

    def _resume(self) -> None:
        """Takes over the journal's counts if they belong to this source and to these files."""
        try:
            journal = json.loads(self._journal.read_text(encoding="utf-8"))
            images, skipped, sha256 = (journal[key] for key in ("images", "skipped", "sha256"))
            reasons, remarks = (Tally(journal[key]) for key in ("reasons", "remarks"))
            highest = journal["highest"]
            if journal["fingerprint"] != self._fingerprint:
                return
        except (OSError, ValueError, KeyError, TypeError):
            return
        self._labels.seek(0, os.SEEK_END)
        digest = hashlib.sha256()
        left = images * math.prod(self._shape)
        while left and (data := self._images.read(min(left, CHUNK_BYTES))):
            digest.update(data)
            left -= len(data)
        if digest.hexdigest() == sha256 and self._labels.tell() >= images * 8:
            self.images, self.skipped, self._digest = images, skipped, digest
            self.reasons, self.remarks, self.highest = reasons, remarks, highest


def _open(path: Path) -> BinaryIO:
    """Opens a file for reading and writing, as it is or empty."""
    path.touch()
    return open(path, "r+b")


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
