"""The resume state: whatever happens to its files, nothing wrong is resumed."""

import errno
import os
import random

import pytest
import torch
from ttur.training import state as module
from ttur.training.state import StateFile, fingerprint

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
    monkeypatch.setattr(module, "_VERSION", 3)
    step, line = loaded(tmp_path, job=jobs[0])
    assert step is None
    assert f"{present} is of version 2 of its format, not 3" in line


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


def test_nothing_is_left_after_remove(tmp_path):
    folder = tmp_path / "a" / "b"
    present, _ = saved(folder, FIRST, SECOND)
    (folder / ".state.123.pt").write_bytes(b"torn")
    (tmp_path / "other").touch()
    StateFile(present, "job").remove()
    assert [path.name for path in tmp_path.iterdir()] == ["other"]
