"""A disk without room: one line, nothing half-written, and after space is made a rerun finishes."""

import errno
import json
import os
import resource
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import SETTINGS
from critical_batch.metrics.features.classifier import Classifier, save_classifier
from critical_batch.metrics.frechet import Moments, Reference
from critical_batch.metrics.pixels import write_grid
from critical_batch.reporting.style import write
from critical_batch.runtime.files import write_json
from critical_batch.training.resume_state import StateFile
from matplotlib.figure import Figure
from training_runs import SCRIPT, log_of, outputs, start


class Disk:
    """A small disk at `root`, filled up to a few free bytes by a file outside the test's way."""

    def __init__(self, root):
        self.root, self._ballast = root, root / ".ballast"

    def leave(self, free: int) -> None:
        status = os.statvfs(self.root)
        with open(self._ballast, "wb") as file:
            file.write(bytes(max(0, status.f_bavail * status.f_bsize - free)))

    def make_space(self) -> None:
        self._ballast.unlink()

    def files(self) -> set[str]:
        names = (p.relative_to(self.root) for p in self.root.rglob("*") if p.is_file())
        return set(map(str, names)) - {".ballast"}


@pytest.fixture
def disk(tmp_path):
    root = tmp_path / "disk"
    root.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(root)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("mounting a small disk takes root and the right to mount")
    yield Disk(root)
    subprocess.run(["umount", "--lazy", str(root)], check=True)


def picture(path):
    figure = Figure()
    figure.subplots().plot(range(1000), np.random.default_rng(0).random(1000))
    write(figure, pd.DataFrame({"x": [1]}), path.parent, path.stem)


def statistics(path):
    moments = Moments(64)
    moments.update(torch.randn(100, 64))
    Reference.of(moments, "key").save(path)


WRITERS = {
    "run.json": lambda path: write_json(path, list(range(10_000))),
    "figure.png": picture,
    "samples.png": lambda path: write_grid(
        path, torch.randint(0, 256, (32, 3, 64, 64), dtype=torch.uint8), 8
    ),
    "classifier.safetensors": lambda path: save_classifier(Classifier(16, 1, 10), path),
    "reference.npz": statistics,
    "state.pt": lambda path: StateFile(path, "job").save({"weights": torch.zeros(10_000)}),
}


# Whole files that are written together with one.
BEFORE = {"figure.png": {"figure.csv"}}
AFTER = {"figure.png": {"figure.pdf"}}


@pytest.mark.parametrize("name", WRITERS)
def test_what_does_not_fit_leaves_nothing_and_names_its_file(disk, name):
    path = disk.root / name
    disk.leave(8192)
    with pytest.raises(OSError, match="No space left on device") as error:
        WRITERS[name](path)
    assert error.value.errno == errno.ENOSPC
    assert error.value.filename == str(path)
    assert name not in disk.files()
    assert disk.files() <= BEFORE.get(name, set())
    disk.make_space()
    WRITERS[name](path)
    assert disk.files() == {name} | BEFORE.get(name, set()) | AFTER.get(name, set())


def test_training_outlives_lost_saves_and_names_the_output_without_room(tiny, disk, tmp_path):
    whole = tmp_path / "whole"
    assert start(tiny, whole).wait() == 0
    log, job = tmp_path / "log", disk.root / "job"
    job.mkdir()
    disk.leave(16384)
    (job / "log").symlink_to(log)  # on a disk with room
    assert start(tiny, job, "--save-every", "0").wait() == 1
    assert "state.pt is not saved (No space left on device): training goes on" in log.read_text()
    assert "Traceback" not in log.read_text()
    assert log.read_text().splitlines()[-1] == (
        f"error: disk full while writing {job / 'generators.safetensors'}: "
        "make space and run the same command again, finished jobs are kept"
    )
    # Complete, both of them.
    assert disk.files() - {"job/log", "job/state/progress.json"} == {"job/history.csv"}
    disk.make_space()
    assert start(tiny, job).wait() == 0
    assert outputs(job) == outputs(whole)


def test_a_log_without_room_ends_no_training(tiny, disk):
    job = disk.root / "job"
    job.mkdir()
    disk.leave(0)
    process = start(tiny, job, "--save-every", "0")
    assert process.wait() == 1  # at the outputs, not at the first line of the log
    assert disk.files() == {"job/log"}
    assert log_of(job) == ""
    disk.make_space()
    assert start(tiny, job).wait() == 0


def test_preparing_data_goes_on_where_the_disk_was_full(disk):
    settings = {
        "name": "fashion-mnist",
        "kind": "fashion_mnist",
        "root": "resources/fashion-mnist",
        "image_size": 16,
    }
    command = [sys.executable, "workflow/scripts/prepare_data.py"]
    command += ["--settings", json.dumps(settings), "--output-dir", str(disk.root / "data")]
    disk.leave(300_000)
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 1
    lines = [line for line in result.stderr.splitlines() if "error" in line]
    assert lines == result.stderr.splitlines()[-1:]
    assert lines[0].startswith(f"error: disk full while writing {disk.root / 'data'}")
    final = {"data/images.npy", "data/labels.npy", "data/manifest.json"}
    assert not disk.files() & final
    disk.make_space()
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert disk.files() == final


def test_a_limit_on_the_size_of_files_is_named(tiny, tmp_path):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    command = [sys.executable, SCRIPT, *tiny.command(tmp_path, SETTINGS, "--save-every", "0")]
    result = subprocess.run(command, capture_output=True, text=True, preexec_fn=limit)
    assert result.returncode == 1
    assert "state.pt is not saved (File too large): training goes on" in result.stderr
    assert result.stderr.splitlines()[-1].startswith(
        f"error: file too large while writing {tmp_path / 'generators.safetensors'}"
    )
    written = {p.name for p in tmp_path.rglob("*") if p.is_file()}
    assert written - {"progress.json"} == {"history.csv"}
    assert start(tiny, tmp_path).wait() == 0
