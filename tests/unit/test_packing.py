"""Packing in several processes, interrupted and resumed: always the same bytes."""

import contextlib
import errno
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import warnings
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from critical_batch.data import packing, workers
from critical_batch.data.flatten import SixteenBits
from critical_batch.data.kinds import DATASET_KINDS, source_of
from critical_batch.data.packed import PackedDataset
from critical_batch.data.packing import write_packed
from critical_batch.data.partial import Partial
from critical_batch.data.pictures import Remark
from critical_batch.data.reader import Item, Source, array_source, as_it_is
from critical_batch.data.workers import Chunk
from critical_batch.registries import outside
from critical_batch.runtime.errors import UserError
from installed import install
from limits import SOON
from raw_data_examples import (
    encoded,
    imagenet_files,
    lsun_images,
    picture,
    settings_of,
    write_archive,
    write_celeba,
    write_lsun,
)

FILES = ("images.npy", "labels.npy", "manifest.json")
COUNT = 300
SETTINGS = {"name": "toy", "kind": "toy"}


class Killed(BaseException):
    """Stands for a kill: not an Exception, so nothing handles it."""


def pixels(size: int = COUNT) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (size, 4, 3, 1), dtype=np.uint8)


def toy(decode=as_it_is, size=COUNT, **changes) -> Source:
    source = array_source(pixels(size), np.arange(size) % 2, ["a", "b"], (4, 3, 1), decode)
    return replace(source, **changes)


def contents(directory: Path) -> list[bytes]:
    """The final files; nothing else may be there."""
    assert sorted(path.name for path in directory.iterdir()) == sorted(FILES)
    return [(directory / name).read_bytes() for name in FILES]


@pytest.fixture
def uninterrupted(tmp_path):
    write_packed(tmp_path / "whole", SETTINGS, toy())
    return contents(tmp_path / "whole")


@pytest.fixture
def checkpoint_after_every_chunk(monkeypatch):
    monkeypatch.setattr(packing, "CHECKPOINT_SECONDS", 0.0)


# ---------------------------------------------------------------- processes


@pytest.mark.parametrize("kind", ["lsun", "celeba", "imagenet"])
def test_bytes_do_not_depend_on_the_number_of_processes(kind, tmp_path):
    root = tmp_path / "raw"
    if kind == "lsun":
        values = lsun_images(200)
        values[sorted(values)[70]] = b"no image"
        write_lsun(root, values)
    elif kind == "celeba":
        write_celeba(root)
        (root / "img_align_celeba/000002.jpg").write_bytes(encoded(picture())[:300])
    else:
        write_archive(root, imagenet_files() | {"n01440764/zero.JPEG": b""})
    settings = settings_of(kind, root, expected_images=None, max_skipped_share=0.2)
    for processes in (1, 3):
        directory = tmp_path / f"packed{processes}"
        write_packed(directory, settings, source_of(settings), processes)
        PackedDataset.open(directory).verify()
    assert contents(tmp_path / "packed1") == contents(tmp_path / "packed3")
    manifest = json.loads((directory / "manifest.json").read_text())
    assert len(manifest["skipped"]) == 1


def test_few_items_are_taken_ahead(monkeypatch):
    """Memory does not grow with the number of images: chunks wait for the one that writes."""
    taken = 0

    def items():
        nonlocal taken
        for index in range(10_000):
            taken += 1
            yield Item(str(index), 0, pixels(1)[0])

    for processes in (1, 2):
        taken = 0
        chunks = workers.decoded(toy(items=items), 0, processes)
        for _ in range(3):
            next(chunks)
        chunks.close()
        assert taken <= (3 + 2 * processes) * workers.CHUNK


def end_process(image: np.ndarray) -> np.ndarray:
    os._exit(9)


def test_a_killed_worker_is_one_line(tmp_path):
    with pytest.raises(UserError, match=r"was killed.*fewer --threads") as error:
        write_packed(tmp_path, SETTINGS, toy(end_process), processes=2)
    assert "\n" not in str(error.value)


class Pool:
    """Stands for processes: works when a result is asked for, and knows how many wait for it."""

    def __init__(self, processes, context, initializer):
        assert context.get_start_method() == "spawn"
        self.processes, self.waiting, self.most, self.ended = processes, 0, 0, None
        self.start, Pool.last = initializer, self

    def __enter__(self):
        return self

    def __exit__(self, *error):
        assert self.ended is not None

    def submit(self, work, task):
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        future = SimpleNamespace(work=work, task=task)
        future.result = lambda: self.answer(future)
        return future

    def answer(self, future):
        self.waiting -= 1
        return future.work(future.task)

    def shutdown(self, **options):
        self.ended = options


@pytest.mark.parametrize("processes", [2, 4])
def test_chunks_come_in_order_and_few_wait(monkeypatch, processes):
    monkeypatch.setattr(workers, "ProcessPoolExecutor", Pool)
    alone = list(workers.decoded(toy(), 0, 1))
    assert [len(chunk.labels) for chunk in alone] == [32] * 9 + [12]
    assert list(workers.decoded(toy(), 0, processes)) == alone
    assert (Pool.last.processes, Pool.last.most) == (processes, 2 * processes + 1)
    assert Pool.last.ended == {"cancel_futures": True}
    assert list(workers.decoded(toy(), 64, processes)) == alone[2:]
    assert list(workers.decoded(toy(), 0, 1)) == alone
    last = Pool.last
    list(workers.decoded(toy(), 0, 1))
    assert Pool.last is last  # one process is this one

    chunks = workers.decoded(toy(), 0, processes)
    assert next(chunks) == alone[0]
    chunks.close()
    assert Pool.last.waiting == 2 * processes
    assert Pool.last.ended == {"cancel_futures": True}


def test_a_killed_process_is_one_line_whatever_else_waits(monkeypatch):
    class Broken(Pool):
        def answer(self, future):
            raise BrokenProcessPool

    monkeypatch.setattr(workers, "ProcessPoolExecutor", Broken)
    with pytest.raises(UserError, match=r"was killed.*fewer --threads, what is done is kept"):
        list(workers.decoded(toy(), 0, 2))
    assert Pool.last.ended == {"cancel_futures": True}


def test_a_process_leaves_interrupts_to_its_parent_and_ends_with_it(monkeypatch):
    ended, gone = threading.Event(), threading.Event()
    parent = SimpleNamespace(join=gone.wait)
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: parent)
    monkeypatch.setattr(os, "_exit", lambda status: ended.set() if status else None)
    # Whoever started the tests may have had interrupts ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    threads = set(threading.enumerate())
    try:
        workers._start_process()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        (thread,) = set(threading.enumerate()) - threads
        assert thread.daemon
        assert not ended.wait(0.05)
    finally:
        gone.set()
        signal.signal(signal.SIGINT, before)
    assert ended.wait(SOON)
    thread.join()


def test_want_of_memory_is_no_damaged_image():
    def decode(image):
        raise MemoryError

    with pytest.raises(MemoryError):
        list(workers.decoded(toy(decode), 0, 1))


@pytest.mark.parametrize("wrong", [np.zeros((4, 3, 2), np.uint8), np.zeros((4, 3, 1), np.int64)])
def test_an_image_of_another_shape_or_type_is_no_damaged_one(wrong):
    source = array_source([pixels(1)[0], wrong], [0, 0], ["a"], (4, 3, 1))
    with pytest.raises(ValueError, match=r"image 1: .*, not \(4, 3, 1\)"):
        list(workers.decoded(source, 0, 1))


def remarking(image: np.ndarray) -> np.ndarray:
    """Of every image something, by its first pixel, which is its number."""
    number = int(image[0, 0, 0])
    if number % 10 == 3:
        raise OSError("broken" if number < 100 else "torn")
    if number % 10 == 5:
        warnings.warn(Remark("odd"), stacklevel=2)
        warnings.warn("not for the manifest", stacklevel=2)
    if number % 10 == 7:
        warnings.warn(SixteenBits(number), stacklevel=2)
    return image


def numbered(size: int, decode=remarking) -> Source:
    images = np.zeros((size, 4, 3, 1), dtype=np.uint8)
    images[:, 0, 0, 0] = np.arange(size)
    source = array_source(images, np.arange(size) % 2, ["a", "b"], (4, 3, 1), decode)
    return replace(source, max_skipped_share=0.5, unused=[{"reason": "r", "count": 1}])


@pytest.mark.parametrize(
    ("size", "highest"), [(30, 27), (250, 247)], ids=["one chunk", "many chunks"]
)
def test_what_is_said_of_images_is_in_the_manifest(tmp_path, size, highest):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # said to the manifest, whatever the shell asks for
        manifest = write_packed(tmp_path, SETTINGS, numbered(size))
    broken, odd = [[str(n) for n in range(size) if n % 10 == digit] for digit in (3, 5)]
    torn = [name for name in broken if int(name) >= 100]
    rows = [("broken", len(broken) - len(torn), "3"), ("torn", len(torn), "103")]
    rows = sorted((row for row in rows if row[1]), key=lambda row: -row[1])
    assert manifest["skipped"] == broken
    assert [tuple(row.values()) for row in manifest["skipped_reasons"]] == rows
    assert manifest["remarks"] == [{"reason": "odd", "count": len(odd), "example": "5"}]
    assert manifest["unused"] == [{"reason": "r", "count": 1}]
    (warning,) = manifest["warnings"]
    assert f"are 0 to {highest} of 65535" in warning
    kept = [n for n in range(size) if n % 10 != 3]
    assert manifest["class_counts"] == np.bincount([n % 2 for n in kept]).tolist()
    assert np.load(tmp_path / "images.npy")[:, 0, 0, 0].tolist() == kept
    assert np.load(tmp_path / "labels.npy").tolist() == [n % 2 for n in kept]


def test_without_16_bits_nothing_is_said_of_them(tmp_path):
    manifest = write_packed(tmp_path / "a", SETTINGS, toy())
    assert (manifest["warnings"], manifest["remarks"], manifest["skipped"]) == ([], [], [])
    manifest = write_packed(tmp_path / "b", SETTINGS | {"bits": 12}, numbered(30))
    assert manifest["warnings"] == []
    assert manifest["settings"] == SETTINGS | {"bits": 12}


# ---------------------------------------------------------------- interruptions


def fail_at(call: int, function, *arguments, **options):
    """`function`, but the given call of it, counted over all users of the counter, is a kill."""
    fail_at.calls += 1
    if fail_at.calls == call:
        raise Killed
    return function(*arguments, **options)


def test_a_kill_at_any_write_changes_nothing(tmp_path, monkeypatch, checkpoint_after_every_chunk):
    """Before every fsync and every renaming there is."""
    source = toy(size=100)
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # which takes most of the time
    write_packed(tmp_path / "whole", SETTINGS, source)
    for call in range(1, 1000):
        directory, fail_at.calls = tmp_path / str(call), 0
        with monkeypatch.context() as patch:
            for function in ("fsync", "replace"):
                patch.setattr(os, function, partial(fail_at, call, getattr(os, function)))
            with contextlib.suppress(Killed):
                write_packed(directory, SETTINGS, source)
                break
        write_packed(directory, SETTINGS, source)
        assert contents(directory) == contents(tmp_path / "whole")
    assert contents(directory) == contents(tmp_path / "whole")
    assert call > 20  # 4 chunks with three files and a renaming each, then the end


def test_work_is_not_done_again(uninterrupted, tmp_path, capsys, checkpoint_after_every_chunk):
    calls = 0

    def decode(image):
        nonlocal calls
        calls += 1
        if calls == 200:
            raise KeyboardInterrupt
        return image

    with pytest.raises(KeyboardInterrupt):
        write_packed(tmp_path / "packed", SETTINGS, toy(decode))
    assert not (tmp_path / "packed/images.npy").exists()
    capsys.readouterr()
    write_packed(tmp_path / "packed", SETTINGS, toy(decode))
    assert calls == 200 + COUNT - 192
    assert "toy: going on after 192 images" in capsys.readouterr().err
    assert contents(tmp_path / "packed") == uninterrupted


@pytest.mark.parametrize("before", [40, 130, 249])
def test_what_was_said_before_an_interruption_is_kept(
    tmp_path, before, checkpoint_after_every_chunk
):
    write_packed(tmp_path / "whole", SETTINGS, numbered(250))

    def decode(image):
        if image[0, 0, 0] == before:
            raise Killed
        return remarking(image)

    with pytest.raises(Killed):
        write_packed(tmp_path / "packed", SETTINGS, numbered(250, decode))
    assert images_done(tmp_path / "packed") > 0
    write_packed(tmp_path / "packed", SETTINGS, numbered(250))
    assert contents(tmp_path / "packed") == contents(tmp_path / "whole")


def test_a_set_that_is_not_complete_is_not_decoded_again(tmp_path):
    """Its number is known in the end only; until then no checkpoint was due."""
    decoded = []

    def decode(image):
        decoded.append(image)
        return image

    for expected in (101, 100):
        source = toy(decode, size=100, count=None, expected=expected)
        if expected == 101:
            with pytest.raises(UserError, match="100 images, not 101"):
                write_packed(tmp_path, SETTINGS, source)
        else:
            write_packed(tmp_path, SETTINGS, source)
    assert len(decoded) == 100


def test_what_was_written_behind_the_last_checkpoint_is_written_again(tmp_path):
    def chunk(value):
        return Chunk(bytes([value] * 4), [value], [], [], 0)

    with Partial(tmp_path, (2, 2, 1), "one") as partial:
        for value in (1, 2):
            partial.append(chunk(value))
        partial.checkpoint()
        partial.append(chunk(3))  # and killed
    with Partial(tmp_path, (2, 2, 1), "one") as partial:
        assert partial.images == 2
        partial.append(chunk(4))
        labels, _ = partial.finish()
    assert labels.tolist() == [1, 2, 4]
    assert np.load(tmp_path / "images.npy").ravel().tolist() == [*[1] * 4, *[2] * 4, *[4] * 4]


def test_nothing_is_left_of_what_was_left_before_the_first_image(tmp_path):
    with Partial(tmp_path, (2, 2, 1), "one"):
        assert list(tmp_path.iterdir())
    assert list(tmp_path.iterdir()) == []


def test_what_another_process_prepared_is_held_against_ones_own_limits(
    tmp_path, monkeypatch, capsys
):
    @contextlib.contextmanager
    def waited(path, purpose):
        assert path == tmp_path / ".lock"
        yield purpose if same else "something else"

    def prepared(**changes):
        source = replace(numbered(30), **changes)
        return write_packed(tmp_path, SETTINGS, source)

    manifest = prepared()
    monkeypatch.setattr(packing, "locked", waited)
    times = (tmp_path / "images.npy").stat().st_mtime_ns
    same = True
    capsys.readouterr()
    assert prepared(expected=30) == manifest
    assert capsys.readouterr().err == "toy: prepared by another process meanwhile\n"
    with pytest.raises(UserError, match="3 of 30 images cannot be read, more than 5 %: broken"):
        prepared(max_skipped_share=0.05)
    with pytest.raises(UserError, match="30 images, not 27"):
        prepared(expected=27, count=None)
    assert (tmp_path / "images.npy").stat().st_mtime_ns == times
    same = False
    assert prepared() == manifest
    same = True
    (tmp_path / "labels.npy").unlink()
    assert prepared() == manifest
    assert (tmp_path / "labels.npy").exists()


def test_what_holds_too_little_is_named(tmp_path):
    for size, found in ((0, "no images"), (1, "1 image only")):
        with pytest.raises(UserError) as error:
            write_packed(tmp_path, SETTINGS, toy(size=size))
        assert str(error.value) == (
            f"datasets.toy: generated holds {found} that can be read: at least two are needed"
        )
    assert write_packed(tmp_path, SETTINGS, toy(size=2))["images"] == 2
    two = replace(toy(size=2), class_names=["a", "b", "c", "d"])
    with pytest.raises(
        UserError, match=r"class 'c' \(one of 2 such\) has no image that can be read:"
    ):
        write_packed(tmp_path, SETTINGS, two)
    with pytest.raises(UserError, match="class 'c' has no image that can be read: repair"):
        write_packed(tmp_path, SETTINGS, replace(two, class_names=["a", "b", "c"]))
    assert list(tmp_path.glob("*")) == []
    with pytest.raises(UserError, match="all 3 images are the same"):
        write_packed(tmp_path, SETTINGS, replace(same_images(3)))
    assert list(tmp_path.glob("*")) == []


def same_images(count: int) -> Source:
    images = np.zeros((count, 2, 2, 1), dtype=np.uint8)
    return array_source(images, [0] * count, ["a"], (2, 2, 1))


DRIVER = """
import sys, prepare_data
from critical_batch.data import packing
from critical_batch.runtime.errors import exit_cleanly
packing.CHECKPOINT_SECONDS = 0.02
exit_cleanly(prepare_data.main)
"""


def prepare(settings: dict, directory: Path, processes: int) -> list[str]:
    options = {"--settings": json.dumps(settings), "--output-dir": directory}
    command = [sys.executable, "-c", DRIVER, "--threads", processes]
    return [str(word) for word in (*command, *(word for pair in options.items() for word in pair))]


def images_done(directory: Path) -> int:
    try:
        return json.loads((directory / ".partial.json").read_text())["images"]
    except (OSError, ValueError):
        return 0


def children_of(process: int) -> set[int]:
    tasks = Path(f"/proc/{process}/task")
    return {int(pid) for task in tasks.iterdir() for pid in (task / "children").read_text().split()}


def wait_for_end_of(processes: set[int]) -> set[int]:
    """Those that are still there after a while; they are ended then."""
    deadline = time.monotonic() + SOON
    while left := {process for process in processes if Path(f"/proc/{process}").exists()}:
        if time.monotonic() > deadline:
            break
        time.sleep(0.01)
    for process in left:
        os.kill(process, signal.SIGKILL)
    return left


@pytest.mark.parametrize("processes", [1, 2])
def test_kill_9_then_the_same_command(processes, tmp_path):
    write_lsun(tmp_path / "raw", lsun_images(6000))
    settings = settings_of("lsun", tmp_path / "raw", expected_images=6000)
    write_packed(tmp_path / "whole", settings, source_of(settings))
    directory = tmp_path / "packed"
    command = prepare(settings, directory, processes)
    environment = {**os.environ, "PYTHONPATH": "workflow/scripts"}
    for least in (1, 2000):
        job = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        while images_done(directory) < least and job.poll() is None:
            time.sleep(0.001)
        children = children_of(job.pid)
        os.kill(job.pid, signal.SIGKILL)
        assert job.wait() == -signal.SIGKILL
        assert least <= images_done(directory) < 6000
        assert len(children) >= (processes if processes > 1 else 0)
        left = wait_for_end_of(children)
        assert not left, "a killed preparation left processes behind"
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "own: going on after" in result.stderr
    assert contents(directory) == contents(tmp_path / "whole")


# ---------------------------------------------------------------- what is not gone on from


def interrupted(directory: Path, settings: dict = SETTINGS, source: Source | None = None) -> None:
    """A preparation that is killed after 100 images."""
    source, calls = source or toy(), 0

    @contextlib.contextmanager
    def decoder():
        with source.decoder() as decode:
            yield partial(counted, decode)

    def counted(decode, image):
        nonlocal calls
        calls += 1
        if calls > 100:
            raise Killed
        return decode(image)

    with pytest.raises(Killed):
        write_packed(directory, settings, replace(source, decoder=decoder))
    assert (directory / ".partial.json").exists()


def test_the_code_of_an_entry_of_another_package_counts(
    tmp_path, monkeypatch, capsys, checkpoint_after_every_chunk
):
    """What its earlier version has decoded is not gone on with."""
    site, kind = tmp_path / "site", {SETTINGS["kind"]: "toys:KIND"}
    entry = "from critical_batch.data.kinds import DatasetKind\n"
    entry += "KIND = DatasetKind(description='Toys', settings=type, read=print)\n"
    install(site, "toys", {"toys/__init__.py": entry}, {"datasets": kind})
    monkeypatch.syspath_prepend(site)
    outside.brought.cache_clear()
    try:
        for name, edits in (("same", ""), ("edited", "# another way\n")):
            interrupted(tmp_path / name)
            (site / "toys/__init__.py").write_text(entry + edits)
            write_packed(tmp_path / name, SETTINGS, toy())
            assert ("going on after" in capsys.readouterr().err) == (not edits)
    finally:
        outside.brought.cache_clear()
        DATASET_KINDS.pop(SETTINGS["kind"], None)


def flip(path: Path, position: int) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)


DAMAGE = {
    "other settings": lambda folder: interrupted(folder, SETTINGS | {"image_size": 8}),
    "a changed pixel": lambda folder: flip(folder / ".images.partial", 200),
    "fewer pixels": lambda folder: os.truncate(folder / ".images.partial", 200),
    "fewer labels": lambda folder: os.truncate(folder / ".labels.partial", 20),
    "no images": lambda folder: (folder / ".images.partial").unlink(),
    "no labels": lambda folder: (folder / ".labels.partial").unlink(),
    "half a journal": lambda folder: os.truncate(folder / ".partial.json", 50),
    "another journal": lambda folder: (folder / ".partial.json").write_text("[]"),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_what_does_not_fit_is_made_anew(
    damage, uninterrupted, tmp_path, capsys, checkpoint_after_every_chunk
):
    interrupted(tmp_path / "packed")
    damage(tmp_path / "packed")
    capsys.readouterr()
    write_packed(tmp_path / "packed", SETTINGS, toy())
    assert "going on" not in capsys.readouterr().err
    assert contents(tmp_path / "packed") == uninterrupted


def test_data_beyond_the_journal_are_made_anew(
    uninterrupted, tmp_path, checkpoint_after_every_chunk
):
    interrupted(tmp_path / "packed")
    for name in (".images.partial", ".labels.partial"):
        with open(tmp_path / "packed" / name, "ab") as file:
            file.write(b"x" * 1000)
    write_packed(tmp_path / "packed", SETTINGS, toy())
    assert contents(tmp_path / "packed") == uninterrupted


def later(settings: dict) -> dict:
    """The same settings, after the database was written again."""
    os.utime(Path(settings["root"], "bedroom_train_lmdb/data.mdb"), (1, 1))
    return settings


@pytest.mark.parametrize(
    ("change", "goes_on"),
    [
        (lambda settings: settings | {"max_skipped_share": 0.5}, True),
        (lambda settings: settings | {"expected_images": 5}, True),
        (lambda settings: settings | {"image_size": 16}, False),
        (later, False),
    ],
    ids=["share", "count", "size", "raw files"],
)
def test_work_is_gone_on_from_where_the_same_decides_the_pixels(
    change, goes_on, tmp_path, capsys, checkpoint_after_every_chunk
):
    """The settings but for limits, and the state of the raw files."""
    write_lsun(tmp_path / "raw", lsun_images(2))
    settings = settings_of("lsun", tmp_path / "raw", max_skipped_share=0.01)
    interrupted(tmp_path / "packed", settings)
    capsys.readouterr()
    write_packed(tmp_path / "packed", change(settings), toy())
    assert ("going on after" in capsys.readouterr().err) is goes_on


@pytest.mark.parametrize("edited", [None, "packing.py", "kinds/lsun.py", "kinds/mnist.py"])
def test_work_of_other_code_is_not_gone_on_from(edited, tmp_path, checkpoint_after_every_chunk):
    """In doubt it is done again: what was edited may belong to another kind."""
    write_lsun(tmp_path / "raw", lsun_images(200))
    settings = settings_of("lsun", tmp_path / "raw", expected_images=200)
    interrupted(tmp_path / "packed", settings, source_of(settings))
    scripts = shutil.copytree("workflow/scripts", tmp_path / "scripts")
    if edited:
        with open(scripts / "critical_batch/data" / edited, "a") as module:
            module.write("# An edit.\n")
    command = [sys.executable, scripts / "prepare_data.py", "--settings", json.dumps(settings)]
    command += ["--output-dir", tmp_path / "packed"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert ("own: going on after" in result.stderr) is (not edited)
    write_packed(tmp_path / "whole", settings, source_of(settings))
    assert contents(tmp_path / "packed") == contents(tmp_path / "whole")


# ---------------------------------------------------------------- counts, disk, progress


def test_counts_are_asserted(tmp_path):
    for changes, message in (
        ({"expected": 299}, "expected_images: 300 images, not 299"),
        ({"count": None, "expected": 301}, "expected_images: 300 images, not 301"),
        ({"count": 301}, "300 images were read of 301 listed"),
    ):
        with pytest.raises(UserError, match=message) as error:
            write_packed(tmp_path, SETTINGS, toy(**changes))
        assert "\n" not in str(error.value)
        assert not (tmp_path / "manifest.json").exists()
    manifest = write_packed(tmp_path, SETTINGS, toy(expected=300, count=None))
    assert manifest["images"] == 300


def test_a_count_that_cannot_be_right_is_told_before_anything_is_decoded(tmp_path):
    with pytest.raises(UserError, match="expected_images: 300 images, not 299"):
        write_packed(tmp_path / "new", SETTINGS, toy(expected=299))
    assert not (tmp_path / "new").exists()


def broken_above(image: np.ndarray, limit: int) -> np.ndarray:
    if image[0, 0, 0] > limit:
        raise OSError("broken")
    return image


def test_share_of_damaged_images(tmp_path):
    decode = partial(broken_above, limit=200)
    broken = [str(i) for i, image in enumerate(pixels()) if image[0, 0, 0] > 200]
    share = len(broken) / COUNT
    for count in (COUNT, None):
        source = toy(decode, count=count, max_skipped_share=share)
        manifest = write_packed(tmp_path, SETTINGS, source)
        assert manifest["skipped"] == broken
        assert manifest["images"] == COUNT - len(broken)
        source = toy(decode, count=count, max_skipped_share=share - 0.001)
        with pytest.raises(UserError, match=rf"root: {len(broken)} of 300 .*: broken \("):
            write_packed(tmp_path, SETTINGS, source)


def test_a_full_disk_names_the_file_and_keeps_what_is_done(
    uninterrupted, tmp_path, monkeypatch, checkpoint_after_every_chunk
):
    calls = 0

    def full(descriptor):
        nonlocal calls
        calls += 1
        if calls > 12:
            raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match=r"\.images\.partial") as error:
            write_packed(tmp_path / "packed", SETTINGS, toy())
    assert error.value.errno == errno.ENOSPC
    assert images_done(tmp_path / "packed") == 4 * workers.CHUNK
    write_packed(tmp_path / "packed", SETTINGS, toy())
    assert contents(tmp_path / "packed") == uninterrupted


def test_progress_is_written_to_stderr(tmp_path, capsys, checkpoint_after_every_chunk):
    write_packed(tmp_path, SETTINGS, toy())
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == -(-COUNT // workers.CHUNK)
    assert lines[0].startswith("toy: 32 of 300 images, ")
    assert lines[0].endswith(" left")
    assert lines[-1].startswith("toy: 300 of 300 images, ")
