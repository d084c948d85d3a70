"""One process at a time trains a job.

After `kill -9` of Snakemake its training processes live on; a rerun would train the same job
beside them. The lock is the kernel's (flock) and ends with the process that holds it, however
that ends; its file only says who that is.
"""

import contextlib
import fcntl
import os
import socket
from collections.abc import Callable
from pathlib import Path

from ..runtime.files import remove_empty_folders


class JobLock:
    """Holds `path` until the end of the `with` or of the process; waits where another one does.

    job: the fingerprint of what this process is going to train. log_line: takes one line. After a
    wait `followed` is the fingerprint of the job of the process waited for; None without a wait.
    """

    def __init__(self, path: str | Path, job: str, log_line: Callable[[str], None]):
        self._path, self.followed = Path(path), None
        while True:
            self._file = self._opened()
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._wait(log_line)
            except OSError as error:  # a file system without locks
                log_line(
                    f"{path}: no lock ({error.strerror}): run this workflow only once at a time"
                )
                break
            if self._current():
                break
            os.close(self._file)  # the file of a job that has ended: somebody may hold a new one
        with contextlib.suppress(OSError):  # a full disk: who holds it stays unsaid
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, f"{os.getpid()} {socket.gethostname()} {job}\n".encode(), 0)

    def _opened(self) -> int:
        while True:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            try:
                return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            except FileNotFoundError:  # the folder of a job that ended just now
                continue

    def _wait(self, log_line: Callable[[str], None]) -> None:
        words = os.pread(self._file, 4096, 0).decode("utf-8", "replace").split()
        process, host, self.followed = words if len(words) == 3 else ("unknown", "unknown", None)
        log_line(
            f"process {process} on {host} trains this job already: waiting for it to end "
            f"(kill {process} there makes it save its state, and this one continues from it)"
        )
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def _current(self) -> bool:
        try:
            return os.path.samestat(os.stat(self._path), os.fstat(self._file))
        except FileNotFoundError:
            return False

    def __enter__(self) -> "JobLock":
        return self

    def __exit__(self, *error: object) -> None:
        """Lets the next one in; removes the file, and its folders where empty."""
        self._path.unlink(missing_ok=True)
        os.close(self._file)
        remove_empty_folders(self._path.parent)
