"""Locks between processes: one at a time, nothing left, and a killed holder locks nobody out."""

import errno
import fcntl
import os
import signal
import subprocess
import sys

import pytest
from critical_batch.runtime.locks import locked
from limits import HANG

HOLD = """
import sys, time
from critical_batch.runtime.locks import locked
path, purpose, seconds = sys.argv[1:]
with locked(path, purpose) as earlier:
    print("holding", earlier, flush=True)
    time.sleep(float(seconds))
"""

COUNT = """
import sys
from pathlib import Path
from critical_batch.runtime.locks import locked
path, counter, times = sys.argv[1:]
for _ in range(int(times)):
    with locked(path, "count"):
        number = int(Path(counter).read_text())
        Path(counter).write_text(str(number + 1))
"""


def start(program, *words):
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, words)],
        env={**os.environ, "PYTHONPATH": "workflow/scripts"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def holder(path, purpose="first", seconds=60):
    """A process that has the lock by the time this returns."""
    process = start(HOLD, path, purpose, seconds)
    assert process.stdout.readline() == "holding None\n"
    return process


def test_nobody_waits_alone_and_nothing_is_left(tmp_path, capsys):
    path = tmp_path / "new" / ".lock"
    with locked(path, "work") as earlier:
        assert earlier is None
        assert path.read_text() == "work"
    assert list(path.parent.iterdir()) == []
    assert capsys.readouterr().err == ""


def test_an_error_unlocks(tmp_path):
    path = tmp_path / ".lock"
    with pytest.raises(OSError, match="own") as error, locked(path, "work"):
        raise OSError("own")
    assert error.value.filename is None
    assert not path.exists()
    with locked(path, "again") as earlier:
        assert earlier is None


def test_who_waits_learns_what_the_other_did(tmp_path):
    path = tmp_path / ".lock"
    first = holder(path, "first", seconds=1)
    second = start(HOLD, path, "second", 0)
    output, errors = second.communicate(timeout=HANG)
    assert first.wait(timeout=HANG) == 0
    assert output == "holding first\n"
    assert errors == f"waiting for another process that holds {path}\n"
    assert not path.exists()


def test_a_killed_holder_locks_nobody_out(tmp_path):
    path = tmp_path / ".lock"
    first = holder(path)
    waiting = start(HOLD, path, "second", 0)
    assert waiting.stderr.readline().startswith("waiting for another process")
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert waiting.communicate(timeout=HANG)[0] == "holding first\n"

    killed = holder(path)
    killed.kill()
    killed.wait()
    assert path.exists()
    with locked(path, "third") as earlier:
        assert earlier is None  # nobody was waited for
    assert not path.exists()


def test_only_one_at_a_time(tmp_path):
    """Without the lock, increments of the number in a file get lost."""
    (tmp_path / "counter").write_text("0")
    processes = [start(COUNT, tmp_path / ".lock", tmp_path / "counter", 300) for _ in range(4)]
    for process in processes:
        assert process.wait(timeout=HANG) == 0, process.stderr.read()
    assert (tmp_path / "counter").read_text() == "1200"
    assert not (tmp_path / ".lock").exists()


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS])
def test_a_file_system_without_locks_makes_nobody_wait(code, tmp_path, monkeypatch):
    def refuse(file, operation):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with locked(tmp_path / ".lock", "work") as earlier:
        assert earlier is None


def test_a_full_disk_names_the_file(tmp_path, monkeypatch):
    def full(file, text):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match=r"\.lock"), locked(tmp_path / ".lock", "work"):
        pass
    assert not (tmp_path / ".lock").exists()
