"""Several processes that make the same files in one folder: they wait, and end with the same."""

import json
import subprocess
import sys
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from critical_batch.data.kinds import source_of
from critical_batch.data.packed import PackedDataset
from critical_batch.data.packing import write_packed
from critical_batch.data.reader import array_source
from critical_batch.data.unpack import unpack_member
from critical_batch.runtime.errors import UserError
from critical_batch.runtime.locks import locked
from limits import HANG
from raw_data_examples import lsun_images, settings_of, write_lsun

FILES = ("images.npy", "labels.npy", "manifest.json")
COUNT = 3000


def contents(directory: Path) -> list[bytes]:
    """The final files; nothing else may be there."""
    assert sorted(path.name for path in directory.iterdir()) == sorted(FILES)
    return [(directory / name).read_bytes() for name in FILES]


def start(settings: dict, directory: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "workflow/scripts/prepare_data.py"]
    command += ["--settings", json.dumps(settings), "--output-dir", str(directory)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def lsun(tmp_path_factory):
    """Settings of 3,000 images, and the packed files of an undisturbed preparation."""
    root = tmp_path_factory.mktemp("lsun")
    write_lsun(root / "raw", lsun_images(COUNT))
    settings = settings_of("lsun", root / "raw", expected_images=COUNT)
    write_packed(root / "alone", settings, source_of(settings))
    return settings, contents(root / "alone")


def test_three_preparations_at_once_do_the_work_once(lsun, tmp_path):
    settings, undisturbed = lsun
    jobs = [start(settings, tmp_path / "shared") for _ in range(3)]
    outputs = [job.communicate(timeout=HANG) for job in jobs]
    assert [job.returncode for job in jobs] == [0, 0, 0], outputs
    assert {output for output, _ in outputs} == {f"own: {COUNT} images, 0 skipped\n"}
    errors = [errors for _, errors in outputs]
    assert sum("waiting for another process" in text for text in errors) == 2
    assert sum("prepared by another process meanwhile" in text for text in errors) == 2
    assert contents(tmp_path / "shared") == undisturbed


def test_other_settings_are_prepared_after_the_first(lsun, tmp_path):
    """The last one wins, as without a lock, but whole: pixels and manifest belong together."""
    settings, _ = lsun
    smaller = settings | {"image_size": settings["image_size"] // 2}
    jobs = [start(each, tmp_path / "shared") for each in (settings, smaller)]
    outputs = [job.communicate(timeout=HANG) for job in jobs]
    assert [job.returncode for job in jobs] == [0, 0], outputs
    assert not any("meanwhile" in errors for _, errors in outputs)
    dataset = PackedDataset.open(tmp_path / "shared")
    assert dataset.images.shape[1] in (settings["image_size"], smaller["image_size"])
    dataset.verify()
    contents(tmp_path / "shared")


def test_a_killed_preparation_is_gone_on_from_by_the_one_that_waits(lsun, tmp_path):
    settings, undisturbed = lsun
    first = start(settings, tmp_path / "shared")
    while not (tmp_path / "shared/.images.partial").exists():
        assert first.poll() is None
    second = start(settings, tmp_path / "shared")
    assert second.stderr.readline().startswith("waiting for another process")
    first.kill()
    first.communicate()
    _, errors = second.communicate(timeout=HANG)
    assert second.returncode == 0, errors
    assert "meanwhile" not in errors
    assert contents(tmp_path / "shared") == undisturbed


def toy(**changes):
    images = np.arange(80, dtype=np.uint8).reshape(20, 2, 2, 1)
    return array_source(images, np.arange(20) % 2, ["a", "b"], (2, 2, 1), **changes)


def waiting(work, path: Path, purpose: str, finish) -> list:
    """Runs `work` in a thread while `path` is locked for `purpose`, then `finish`; its result."""
    results = []

    def target():
        try:
            results.append(work())
        except UserError as error:
            results.append(error)

    thread = threading.Thread(target=target)
    with locked(path, purpose):
        thread.start()
        while not _is_waited_for(path):
            assert thread.is_alive()
        finish()
    thread.join(timeout=HANG)
    return results


def _is_waited_for(path: Path) -> bool:
    """Whether someone is blocked on the file's lock, by the kernel's list of locks."""
    inode = str(path.stat().st_ino)
    lines = Path("/proc/locks").read_text().splitlines()
    return any("->" in line and line.split()[6].endswith(f":{inode}") for line in lines)


@pytest.mark.parametrize("expected", [20, 21])
def test_limits_hold_for_what_another_process_finished(expected, tmp_path, capsys):
    """expected_images is no part of what decides the pixels: the other may have had another."""
    settings, done_again = {"name": "toy", "kind": "toy"}, []
    at_work, finish = threading.Event(), threading.Event()

    def slowly(image):
        at_work.set()
        assert finish.wait(HANG)
        return image

    def again(image):
        done_again.append(image)
        return image

    first, second = toy(decode=slowly), toy(decode=again)
    with ThreadPoolExecutor(2) as pool:
        undisturbed = pool.submit(write_packed, tmp_path, settings, first)
        assert at_work.wait(HANG)
        waiting = replace(second, count=None, expected=expected)
        other = pool.submit(write_packed, tmp_path, settings, waiting)
        while not _is_waited_for(tmp_path / ".lock"):
            assert not other.done()
        finish.set()
    if expected == 20:
        assert other.result() == undisturbed.result()
        assert "toy: prepared by another process meanwhile" in capsys.readouterr().err
    else:
        assert "toy.expected_images: 20 images, not 21" in str(other.exception())
    assert done_again == []


def test_one_of_two_unpacks(tmp_path):
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.writestr("member", b"from the archive")

    def work():
        unpack_member(tmp_path / "archive.zip", "member", tmp_path / "file")

    def finish():
        (tmp_path / "file").write_bytes(b"from the other process")

    purpose = f"{tmp_path / 'archive.zip'}: member"
    waiting(work, tmp_path / ".file.lock", purpose, finish)
    assert (tmp_path / "file").read_bytes() == b"from the other process"
    work()  # alone: made anew
    assert (tmp_path / "file").read_bytes() == b"from the archive"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["archive.zip", "file"]
