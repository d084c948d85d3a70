"""One process at a time trains a job: two openings of a file lock each other out in one process."""

import errno
import fcntl
import os
import socket
import threading
import time

import pytest
from critical_batch.training.job_lock import JobLock
from limits import SOON


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a" / "b" / "state.lock"


class Waiting:
    """A second holder of a lock, in a thread of its own, which is waiting by now."""

    def __init__(self, path, job="second"):
        self.said, self.lock = [], None
        self._thread = threading.Thread(target=self._take, args=(path, job), daemon=True)
        self._thread.start()
        deadline = time.monotonic() + SOON
        while not self.said and time.monotonic() < deadline:
            time.sleep(0.001)

    def _take(self, path, job):
        self.lock = JobLock(path, job, self.said.append)

    def has_it(self):
        self._thread.join(SOON)
        return self.lock is not None


def test_alone_nobody_is_waited_for_and_nothing_is_left(path, tmp_path):
    said = []
    with JobLock(str(path), "job", said.append) as lock:
        assert path.read_text() == f"{os.getpid()} {socket.gethostname()} job\n"
        assert lock.followed is None
        with open(path) as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        held = lock._file
        assert os.get_inheritable(held) is False
        assert os.stat(path).st_mode & 0o777 == 0o644
    assert said == []
    assert not (tmp_path / "a").exists()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(held)


def test_a_folder_with_other_files_stays(path):
    path.parent.mkdir(parents=True)
    path.with_name("state.pt").touch()
    with JobLock(path, "job", print):
        pass
    assert list(path.parent.iterdir()) == [path.with_name("state.pt")]


def test_who_waits_says_so_and_learns_what_it_followed(path):
    descriptors = len(os.listdir("/proc/self/fd"))
    with JobLock(path, "first-job-with-a-long-name", print):
        second = Waiting(path)
        who = f"process {os.getpid()} on {socket.gethostname()} trains this job already"
        assert second.said == [
            f"{who}: waiting for it to end (kill {os.getpid()} there makes it save its state, and "
            "this one continues from it)"
        ]
        assert second.lock is None
    assert second.has_it()
    assert second.lock.followed == "first-job-with-a-long-name"
    # The file of the first is gone, with its folders: this one is the second's own.
    assert path.read_text() == f"{os.getpid()} {socket.gethostname()} second\n"
    assert len(os.listdir("/proc/self/fd")) == descriptors + 1
    second.lock.__exit__()
    assert not path.exists()


def test_the_file_of_a_killed_process_is_taken_over_and_names_the_new_one(path):
    path.parent.mkdir(parents=True)
    path.write_text("123456 elsewhere " + "x" * 200 + "\nand more\n")
    with JobLock(path, "new", print) as lock:
        assert path.read_text() == f"{os.getpid()} {socket.gethostname()} new\n"
        assert lock.followed is None


@pytest.mark.parametrize("content", [b"", b"1 host", b"1 host job more", b"\xff\xfe job"])
def test_a_holder_whose_file_says_nothing_is_waited_for_all_the_same(path, content):
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with open(path) as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        second = Waiting(path)
    assert second.said[0].startswith("process unknown on unknown trains this job already")
    assert second.has_it()
    assert second.lock.followed is None


def test_a_name_that_is_no_text_is_shown_as_far_as_it_goes(path):
    path.parent.mkdir(parents=True)
    path.write_bytes(b"1 h\xff job\n")
    with open(path) as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        second = Waiting(path)
    assert second.said[0].startswith("process 1 on h\ufffd trains this job already")
    assert second.has_it()


def test_a_file_system_without_locks_is_named_and_trains_on(path, monkeypatch):
    def refuse(file, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    said = []
    with JobLock(path, "job", said.append) as lock:
        assert lock.followed is None
        assert path.read_text().endswith(" job\n")
    assert said == [f"{path}: no lock (No locks available): run this workflow only once at a time"]


def test_a_full_disk_leaves_unsaid_who_holds_the_lock(path, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with JobLock(path, "job", print), open(path) as other:
        assert path.read_text() == ""
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_file_that_was_replaced_before_it_was_locked_is_opened_anew(path, monkeypatch):
    """A job that ends between the opening and the lock takes the file away, and its folder."""
    flock, replaced = fcntl.flock, []

    def late(file, operation):
        if len(replaced) < 2:
            replaced.append(file)
            path.unlink()
            if len(replaced) == 2:
                path.touch()  # somebody else's
        flock(file, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    with JobLock(path, "job", print):
        assert len(replaced) == 2
        assert path.read_text().endswith(" job\n")
        with open(path) as other, pytest.raises(BlockingIOError):
            flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_folder_that_goes_before_the_file_is_made_is_made_anew(path, monkeypatch):
    opened, gone = os.open, []

    def late(name, *options):
        if not gone:
            gone.append(name)
            path.parent.rmdir()
        return opened(name, *options)

    monkeypatch.setattr(os, "open", late)
    with JobLock(path, "job", print):
        assert gone == [path]
        assert path.exists()
