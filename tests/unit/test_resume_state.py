"""The resume state: whatever happens to its files, nothing wrong is resumed."""

import errno
import hashlib
import io
import os
import pickle
import random
import resource

import pytest
import torch
from critical_batch.training import resume_state as module
from critical_batch.training.resume_state import StateFile, fingerprint

FIRST = {"progress": {"step": 1}, "players": {"weights": torch.arange(200.0)}}
SECOND = {"progress": {"step": 2}, "players": {"weights": torch.arange(200.0) + 1}}


def saved(tmp_path, *states, job="job"):
    """The paths of a job's state and of the one before it, after these saves."""
    file = StateFile(tmp_path / "state.pt", job)
    for state in states:
        file.save(state)
    return tmp_path / "state.pt", tmp_path / "state.previous.pt"


def loaded(tmp_path, job="job"):
    state, line = StateFile(tmp_path / "state.pt", job).load()
    return (None if state is None else state["progress"]["step"]), line


def test_the_newest_state_is_loaded(tmp_path):
    assert loaded(tmp_path) == (None, "starting from the beginning")
    present, previous = saved(tmp_path, FIRST, SECOND)
    assert loaded(tmp_path) == (2, f"continuing from {present}")
    assert previous.exists()
    state, _ = StateFile(present, "job").load()
    assert torch.equal(state["players"]["weights"], SECOND["players"]["weights"])


@pytest.mark.parametrize("seed", range(4))
def test_one_flipped_bit_anywhere_is_found(tmp_path, seed):
    present, previous = saved(tmp_path, FIRST, SECOND)
    content = present.read_bytes()
    header = content.index(b"\n") + 1
    choose = random.Random(seed)
    # Every byte of the header and as many of the rest, a random bit of each.
    places = [*range(header), *(choose.randrange(header, len(content)) for _ in range(header))]
    for place in places:
        flipped = bytearray(content)
        flipped[place] ^= 1 << choose.randrange(8)
        present.write_bytes(flipped)
        expected = f"{present} is damaged; continuing from {previous}"
        assert loaded(tmp_path) == (1, expected), place
    previous.unlink()
    assert loaded(tmp_path) == (None, f"{present} is damaged; starting from the beginning")


def test_truncation_at_any_length_is_found(tmp_path):
    present, _ = saved(tmp_path, FIRST, SECOND)
    content = present.read_bytes()
    for length in [0, 1, *random.Random(0).sample(range(len(content)), 50), len(content) - 1]:
        present.write_bytes(content[:length])
        assert loaded(tmp_path)[0] == 1, length
    present.write_bytes(content + b"\0")
    assert loaded(tmp_path)[0] == 1


def test_another_job_or_version_is_named_and_not_used(tmp_path, monkeypatch):
    jobs = [fingerprint({"rate": rate}, "data", "code") for rate in (1, 2)]
    present, previous = saved(tmp_path, FIRST, SECOND, job=jobs[0])
    step, line = loaded(tmp_path, job=jobs[1])
    assert step is None
    assert line == (
        f"{present} belongs to other settings, data or code; "
        f"{previous} belongs to other settings, data or code; starting from the beginning"
    )
    monkeypatch.setattr(module, "_VERSION", 5)
    step, line = loaded(tmp_path, job=jobs[0])
    assert step is None
    assert f"{present} is of version 4 of its format, not 5" in line


def test_a_state_of_the_layout_of_before_is_named_and_not_used(tmp_path):
    present, previous = saved(tmp_path, FIRST, SECOND, job="abc")
    payload = present.read_bytes().split(b"\n", 1)[1]
    for path, version in ((present, 3), (previous, 2)):
        text = f"{version} abc {len(payload)} {hashlib.sha256(payload).hexdigest()}"
        digest = hashlib.sha256(text.encode()).hexdigest()
        header = f"ttur-state {version} abc {digest} {len(payload):020}\n"
        path.write_bytes(header.encode() + payload)
    step, line = loaded(tmp_path, job="abc")
    assert step is None
    assert line == (
        f"{present} is of version 3 of its format, not 4; "
        f"{previous} is of version 2 of its format, not 4; starting from the beginning"
    )


def test_both_files_damaged_is_a_clean_start(tmp_path):
    for path in saved(tmp_path, FIRST, SECOND):
        path.write_bytes(b"x" * 99)
    step, line = loaded(tmp_path)
    assert step is None
    assert line.count("is damaged") == 2


def test_a_damaged_state_does_not_push_out_the_good_one(tmp_path):
    present, previous = saved(tmp_path, FIRST, SECOND)
    present.write_bytes(b"damaged")
    file = StateFile(present, "job")
    assert file.load()[0]["progress"]["step"] == 1
    file.save(SECOND)
    present.write_bytes(b"damaged")
    assert loaded(tmp_path) == (1, f"{present} is damaged; continuing from {previous}")


def test_what_was_continued_from_is_kept_beside_the_next_save(tmp_path):
    present, previous = saved(tmp_path, FIRST)
    file = StateFile(present, "job")
    file.load()
    file.save(SECOND)
    present.unlink()
    assert loaded(tmp_path) == (1, f"continuing from {previous}")


def test_a_save_that_fails_leaves_the_state_as_it_was(tmp_path, monkeypatch):
    present, previous = saved(tmp_path, FIRST, SECOND)
    before = {path: path.read_bytes() for path in (present, previous)}
    file = StateFile(present, "job")
    file.load()

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        file.save(FIRST)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.fixture
def room():
    """room(n): files grow to n bytes at most, as on a full disk; room(None): to any size."""

    def limited(size):
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard if size is None else size, hard))

    yield limited
    limited(None)


def test_a_disk_that_fills_up_anywhere_in_a_save_costs_that_save_alone(tmp_path, room):
    """At the header, within what torch writes, and at the last byte."""
    present, previous = saved(tmp_path, FIRST, SECOND)
    before = {path: path.read_bytes() for path in (present, previous)}
    file = StateFile(present, "job")
    file.load()
    for size in (0, 50, 150, len(before[present]) // 2, len(before[present]) - 1):
        room(size)
        with pytest.raises(OSError, match="File too large") as error:
            file.save(SECOND)
        room(None)
        assert error.value.filename == str(present)
        assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    file.save(SECOND)
    assert loaded(tmp_path)[0] == 2


class FailsOnce(io.FileIO):
    """A file that cannot be written to for a moment, at the given write."""

    def __init__(self, path, at):
        super().__init__(path, "wb")
        self._left = at

    def write(self, data):
        self._left -= 1
        if self._left == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)


def test_a_save_that_failed_for_a_moment_is_never_taken_for_a_good_one(tmp_path, monkeypatch):
    """With room again for what comes after it, what is missing would have a digest that fits."""
    present, previous = saved(tmp_path, FIRST, SECOND)
    before = {path: path.read_bytes() for path in (present, previous)}
    for at in range(1, 5):
        monkeypatch.setattr(module, "open", lambda p, mode, at=at: FailsOnce(p, at), raising=False)
        with pytest.raises(OSError, match="No space left"):
            StateFile(present, "job").save(SECOND)
        assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_what_torch_cannot_save_says_so_itself(tmp_path):
    with pytest.raises((AttributeError, TypeError, pickle.PicklingError)):
        StateFile(tmp_path / "state.pt", "job").save({"progress": lambda: None})
    assert list(tmp_path.iterdir()) == []


def test_the_state_before_the_newest_is_the_one_that_was_saved_before_it(tmp_path):
    present, previous = saved(tmp_path, FIRST, SECOND, FIRST | {"progress": {"step": 3}})
    present.unlink()
    assert loaded(tmp_path) == (2, f"continuing from {previous}")
    # A process that has not read the present file does not know whether it is worth keeping.
    StateFile(present, "job").save(FIRST)
    StateFile(present, "job").save(FIRST)
    present.unlink()
    assert loaded(tmp_path)[0] == 2


def test_a_file_is_one_line_of_text_and_what_torch_wrote(tmp_path):
    present, _ = saved(tmp_path, FIRST, job="abc")
    line, payload = present.read_bytes().split(b"\n", 1)
    name, version, job, digest, size = line.decode().split(" ")
    assert (name, version, job, int(size)) == ("critical-batch-state", "4", "abc", len(payload))
    of_payload = hashlib.sha256(payload).hexdigest()
    text = f"4 abc {len(payload)} {of_payload}"
    assert digest == hashlib.sha256(text.encode()).hexdigest()
    state = torch.load(io.BytesIO(payload), weights_only=True)
    assert state["progress"] == FIRST["progress"]


def test_a_payload_that_is_none_of_torchs_is_named_whatever_its_digest(tmp_path):
    present, previous = saved(tmp_path, FIRST, SECOND, job="abc")
    payload = b"not what torch writes"
    text = f"4 abc {len(payload)} {hashlib.sha256(payload).hexdigest()}"
    digest = hashlib.sha256(text.encode()).hexdigest()
    present.write_bytes(
        f"critical-batch-state 4 abc {digest} {len(payload):020}\n".encode() + payload
    )
    step, line = loaded(tmp_path, job="abc")
    assert step == 1
    assert line.startswith(f"{present} cannot be read (")
    assert line.endswith(f"; continuing from {previous}")


def test_a_folder_in_the_place_of_a_state_is_named(tmp_path):
    (tmp_path / "state.pt").mkdir()
    step, line = loaded(tmp_path)
    assert step is None
    assert line.startswith(f"{tmp_path / 'state.pt'} cannot be read (Is a directory); starting")


def test_a_fingerprint_is_of_all_values_and_of_no_order_of_keys():
    one = fingerprint({"a": 1, "b": [1, 2]}, "data")
    assert one == fingerprint({"b": [1, 2], "a": 1}, "data")
    others = [
        fingerprint({"a": 1, "b": [2, 1]}, "data"),
        fingerprint({"a": 2, "b": [1, 2]}, "data"),
        fingerprint({"a": 1, "b": [1, 2]}, "date"),
        fingerprint({"a": 1, "b": [1, 2]}, "data", None),
        fingerprint("data", {"a": 1, "b": [1, 2]}),
    ]
    assert len({one, *others}) == 6


def test_nothing_is_left_after_remove(tmp_path):
    folder = tmp_path / "a" / "b"
    present, _ = saved(folder, FIRST, SECOND)
    (folder / ".state.123.pt").write_bytes(b"torn")
    (tmp_path / "other").touch()
    StateFile(present, "job").remove()
    assert [path.name for path in tmp_path.iterdir()] == ["other"]
