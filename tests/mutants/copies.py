"""A copy of the checkout in which faults are tried: an aborted run leaves none in the checkout."""

import compileall
import contextlib
import hashlib
import importlib
import json
import os
import py_compile
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

LIBRARY = Path("workflow/scripts")
TIME_LIMIT = "time limit"
WALL_FACTOR, WALL_SECONDS = 8, 60
CPU_FACTOR, CPU_SECONDS = 3, 10


@dataclass(frozen=True)
class Outcome:
    """noticed_by: the test that failed first, or why none did; empty where all passed."""

    noticed_by: str
    cpu_seconds: float
    wall_seconds: float


def preload(names: Iterable[str]) -> None:
    """Imports once what every trial needs. A trial is a fork, and finds it imported.

    With one thread, as tests/conftest.py asks for, which here comes after the import.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    for name in names:
        importlib.import_module(name)


class Copy:
    """The checkout's files in a folder of their own, with at most one fault and one trial."""

    def __init__(self, checkout: Path, folder: Path):
        self._checkout, self._folder, self._pid = checkout, folder, 0
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, cwd=checkout, capture_output=True, check=True, text=True)
        for name in filter(None, listed.stdout.split("\0")):
            source, target = checkout / name, folder / name
            if source.exists() or source.is_symlink():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target, follow_symlinks=False)
        if (checkout / ".venv").exists():
            (folder / ".venv").unlink(missing_ok=True)
            (folder / ".venv").symlink_to((checkout / ".venv").resolve())
        # Checked by their source's hash, so that a fault is never hidden by what was compiled
        # within the same second.
        mode = py_compile.PycInvalidationMode.CHECKED_HASH
        compileall.compile_dir(folder / LIBRARY, quiet=1, invalidation_mode=mode)

    def start(self, module: str, text: str, tests: Sequence[str], clean: Outcome | None) -> None:
        """Starts the tests with `text` as the module's; clean: their outcome without a fault."""
        self._module, self._started = module, time.monotonic()
        (self._folder / LIBRARY / module).write_text(text)
        self._answer = self._folder / ".answer.json"
        self._answer.unlink(missing_ok=True)
        self._limit = WALL_FACTOR * clean.wall_seconds + WALL_SECONDS if clean else 3600.0
        self._pid = os.fork()
        if not self._pid:
            try:
                self._in_child(tests, clean)
            finally:
                os._exit(1)

    def ended(self) -> Outcome | None:
        """The outcome, where the trial is over; then the module is as it was."""
        wall = time.monotonic() - self._started
        pid, status, usage = os.wait4(self._pid, os.WNOHANG)
        late = wall > self._limit
        if not pid and not late:
            return None
        if late:
            self.stop()
        else:
            self._clear()
        shutil.copy2(self._checkout / LIBRARY / self._module, self._folder / LIBRARY / self._module)
        by = TIME_LIMIT if late or status else json.loads(self._answer.read_text())
        return Outcome(by, usage.ru_utime + usage.ru_stime, wall)

    def stop(self) -> None:
        """Ends the trial that is at work, if one is."""
        if self._pid:
            os.killpg(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
            self._clear()

    def _clear(self) -> None:
        """Ends what the tests have started and not waited for."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._pid, signal.SIGKILL)
        self._pid = 0

    def _in_child(self, tests: Sequence[str], clean: Outcome | None) -> None:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.chdir(self._folder)
        log = os.open(".trial.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        if clean:
            # The run without a fault has left what it compiled; what a fault compiles must go.
            sys.dont_write_bytecode = True
            os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
            limit = int(CPU_FACTOR * clean.cpu_seconds + CPU_SECONDS)
            resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 5))
        import pytest

        first = _FirstFailure()
        options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--basetemp=.trial"]
        code = pytest.main([*options, *tests], plugins=[first])
        by = first.test or ("" if code == 0 else f"pytest ended with {int(code)}")
        self._answer.write_text(json.dumps(by))
        os._exit(0)


class _FirstFailure:
    test = ""

    def pytest_runtest_logreport(self, report) -> None:
        if report.failed and not self.test:
            self.test = report.nodeid

    def pytest_collectreport(self, report) -> None:
        if report.failed and not self.test:
            self.test = report.nodeid or "collection"


def digest(*parts: str | bytes) -> str:
    """The first 16 digits of a SHA-256 over texts."""
    together = hashlib.sha256()
    for part in parts:
        together.update(part if isinstance(part, bytes) else part.encode())
        together.update(b"\0")
    return together.hexdigest()[:16]
