"""Two runs of snakemake at once: on one folder, and on two folders that share prepared data."""

import subprocess
import time
from pathlib import Path

import pytest
from critical_batch.data.packed import PackedDataset
from critical_batch.runtime.locks import locked
from limits import HANG, SOON

pytestmark = pytest.mark.workflow

DATASETS = ("fashion-mnist", "mnist")
FILES = ("images.npy", "labels.npy", "manifest.json")
PREPARED = Path("resources/prepared")


def start(checkout, *words, **environment):
    return subprocess.Popen(
        checkout.command("data", *words, cores=1),
        cwd=checkout.root,
        env=checkout.environment() | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(*processes):
    """Their outputs; all of them have to end well."""
    outputs = [process.communicate(timeout=HANG)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes), outputs
    return outputs


def bytes_of(folder):
    """Every prepared file, checked; no other file may be there."""
    for dataset in DATASETS:
        assert sorted(path.name for path in (folder / dataset).iterdir()) == list(FILES)
        PackedDataset.open(folder / dataset).verify()
    return [(folder / dataset / name).read_bytes() for dataset in DATASETS for name in FILES]


def state(checkout):
    """Name, size and time of every file but Snakemake's own logs."""
    return {
        str(path): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in checkout.root.rglob("*")
        if path.is_file() and ".snakemake/log" not in str(path)
    }


@pytest.fixture(scope="module")
def prepared(smoke_run):
    return bytes_of(smoke_run.checkout.root / PREPARED)


def test_a_second_snakemake_on_one_folder_ends_and_changes_nothing(clean, tmp_path, prepared):
    checkout = clean.copy(tmp_path / "one")
    lock = checkout.root / PREPARED / DATASETS[0] / ".lock"
    with locked(lock, "the test"):  # the first job waits until the second snakemake has ended
        first = start(checkout)
        log = checkout.root / f"results/logs/prepare_data/{DATASETS[0]}.log"
        deadline = time.monotonic() + SOON
        while not (log.exists() and "waiting for another process" in log.read_text()):
            assert first.poll() is None, first.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        before = state(checkout)
        second = checkout.snakemake("data", cores=1)
        assert second.returncode != 0
        assert "Traceback" not in second.stdout
        assert "Directory cannot be locked" in second.stdout
        assert "--unlock" in second.stdout  # Snakemake says what to do
        assert state(checkout) == before
        assert first.poll() is None
    finish(first)
    assert bytes_of(checkout.root / PREPARED) == prepared


def test_two_folders_with_a_link_to_one_folder_of_prepared_data(clean, tmp_path, prepared):
    checkouts = [clean.copy(tmp_path / name) for name in ("one", "two")]
    (tmp_path / "shared").mkdir()
    for checkout in checkouts:
        (checkout.root / PREPARED).symlink_to(tmp_path / "shared", target_is_directory=True)
    finish(*map(start, checkouts))
    assert bytes_of(tmp_path / "shared") == prepared
    for checkout in checkouts:
        assert "Nothing to be done" in finish(start(checkout))[0]


def test_two_folders_with_one_output_cache(clean, tmp_path, prepared):
    """Snakemake's own way to share: nothing that is in the cache is ever removed or rewritten."""
    one, two, later = (clean.copy(tmp_path / name) for name in ("one", "two", "later"))
    cache = tmp_path / "cache"
    cache.mkdir()
    shared = {"SNAKEMAKE_OUTPUT_CACHE": str(cache)}
    finish(start(one, "--cache", **shared), start(two, "--cache", **shared))
    assert sorted(path.name.split("_")[1] for path in cache.iterdir()) == sorted(FILES * 2)
    stored = {path: path.stat().st_mtime_ns for path in cache.iterdir()}
    (output,) = finish(start(later, "--cache", **shared))
    assert "Moving output file" not in output  # no job ran
    assert {path: path.stat().st_mtime_ns for path in cache.iterdir()} == stored
    for checkout in (one, two, later):
        assert bytes_of(checkout.root / PREPARED) == prepared
        for dataset in DATASETS:
            link = checkout.root / PREPARED / dataset / "images.npy"
            assert link.resolve().parent == cache.resolve()
