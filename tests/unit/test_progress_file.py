"""progress.json of a training job: what it says, when it is written, when it goes."""

import json
import os
import platform
import signal
import subprocess
import sys
import time

import pytest
from conftest import SETTINGS, job_of
from critical_batch.training.history import HistoryRow, SeedResult, TrainingState
from critical_batch.training.progress_file import ProgressFile, so_far
from limits import SOON

SCRIPT = "workflow/scripts/train_gan.py"


def row(seed, step, distance, metric="fid"):
    return HistoryRow(seed, step, metric, distance, 80)


def ended(status):
    return SeedResult(1, status, None, None, None, 5.0, 400, 9.0)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "progress.json"


def test_says_how_far_a_job_is(path, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "77")
    write = ProgressFile(path, job_of(SETTINGS), interval=0)
    progress = TrainingState(running=[0, 1, 2], step=100, seconds=10.0)
    write(progress, 1000)
    progress.running, progress.step, progress.seconds = [0, 2], 400, 20.0
    progress.rows = [row(0, 200, 9.0), row(1, 200, 8.0), row(0, 400, 10.0), row(1, 400, 5.0)]
    progress.rows += [row(0, 400, 0.1, "kid"), row(1, 400, 0.1, "generator_loss")]
    progress.results = {1: ended("reached")}
    write(progress, 1000)
    record = json.loads(path.read_text())
    assert abs(record.pop("updated") - time.time()) < 60
    assert record == {
        "experiment": "tiny",
        "optimizer": "Adam",
        "batch_size": 4,
        "seeds": [0, 1, 2],
        "step": 400,
        "step_limit": 1000,
        "running": [0, 2],
        "ended": {"1": "reached"},
        "distance": {"0": {"best": 9.0, "last": 10.0}, "1": {"best": 5.0, "last": 5.0}},
        "steps_per_second": 30.0,  # since this process began, not since the first step
        "seconds": 20.0,
        "seconds_left": 20.0,
        "host": platform.node(),
        "pid": os.getpid(),
        "slurm_job": "77",
    }


def test_before_the_first_step_there_is_no_speed(path):
    ProgressFile(path, job_of(SETTINGS))(TrainingState(running=[0]), 1000)
    record = json.loads(path.read_text())
    assert record["steps_per_second"] is record["seconds_left"] is None
    assert record["distance"] == {}


def test_numbers_that_are_not_finite_become_null():
    nan, infinite = float("nan"), float("inf")
    assert so_far([row(0, 1, nan)], "fid") == {"0": {"best": None, "last": None}}
    rows = [row(0, 1, 3.0), row(1, 1, 2.0), row(0, 2, infinite), row(1, 2, 2.5), row(1, 3, 2.25)]
    assert so_far(rows, "fid") == {
        "0": {"best": 3.0, "last": None},
        "1": {"best": 2.0, "last": 2.25},
    }


def test_writes_seldom_but_at_the_start_and_when_a_seed_ends(path):
    write = ProgressFile(path, job_of(SETTINGS), interval=1000)
    progress = TrainingState(running=[0, 1])
    write(progress, 10)
    progress.step = 5
    write(progress, 10)
    assert json.loads(path.read_text())["step"] == 0
    progress.results = {0: ended("diverged")}
    write(progress, 10)
    assert json.loads(path.read_text())["step"] == 5


def test_exactly_the_interval_later_it_is_written_again(path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    write, progress = ProgressFile(path, job_of(SETTINGS)), TrainingState(running=[0])
    for later, written in ((0.0, 0), (1.99, 0), (2.0, 2), (3.99, 2), (4.0, 4)):
        now[0] = 100.0 + later
        progress.step = int(later)
        write(progress, 10)
        assert json.loads(path.read_text())["step"] == written


def test_a_seed_that_has_ended_is_written_once(path):
    write, progress = (
        ProgressFile(path, job_of(SETTINGS), interval=1000),
        TrainingState(running=[0]),
    )
    progress.results = {1: ended("reached")}  # in the run before
    for step in (0, 1):
        progress.step = step
        write(progress, 10)
    assert json.loads(path.read_text())["step"] == 0


@pytest.mark.parametrize(
    ("began", "step", "seconds", "running", "speed", "left"),
    [
        ((100, 10.0), 400, 70.0, [0], 5.0, 120.0),  # of this process, not of the one before
        ((100, 10.0), 100, 12.0, [0], 8.333, 108.0),  # until it has taken a step of its own
        ((100, 10.0), 400, 10.0, [0], 40.0, 15.0),  # and until that took any time
        ((100, 10.0), 101, 70.0, [0], 0.017, 53940.0),
        ((100, 10.0), 400, 10.5, [0], 600.0, 1.0),
        ((0, 10.0), 0, 15.0, [0], None, None),
        ((0, 0.0), 5, 0.0, [0], None, None),
        ((0, 0.0), 1, 3.0, [0], 0.333, 2997.0),
        ((0, 0.0), 400, 37.26, [], 10.735, None),
        ((0, 0.0), 1000, 333.34, [0], 3.0, 0.0),
        ((0, 0.0), 7, 0.99, [0], 7.071, 140.4),
    ],
)
def test_speed_is_of_this_process_and_the_time_left_follows_from_it(
    path, began, step, seconds, running, speed, left
):
    write = ProgressFile(path, job_of(SETTINGS), interval=0)
    progress = TrainingState(running=running, step=began[0], seconds=began[1])
    write(progress, 1000)
    progress.step, progress.seconds = step, seconds
    write(progress, 1000)
    record = json.loads(path.read_text())
    assert record["steps_per_second"] == speed
    assert record["seconds_left"] == left
    assert record["seconds"] == round(seconds, 1)


def test_times_are_rounded_and_outside_slurm_there_is_no_job(path, monkeypatch):
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    monkeypatch.setattr(time, "time", lambda: 1234567.98765)
    ProgressFile(path, job_of(SETTINGS))(TrainingState(running=[0]), 10)
    record = json.loads(path.read_text())
    assert record["updated"] == 1234567.988
    assert record["slurm_job"] is None


def test_a_path_that_cannot_be_written_ends_nothing(tmp_path):
    (tmp_path / "state").write_text("a file where the folder belongs")
    ProgressFile(tmp_path / "state" / "progress.json", job_of(SETTINGS))(
        TrainingState(running=[0]), 10
    )
    assert (tmp_path / "state").read_text() == "a file where the folder belongs"


def test_nothing_is_left(path):
    write = ProgressFile(path, job_of(SETTINGS))
    write(TrainingState(running=[0]), 10)
    (path.parent / ".progress.123.json").write_text("{")
    write.remove()
    assert list(path.parent.iterdir()) == []


def test_a_job_shows_itself_while_it_runs_and_no_longer(tiny, tmp_path):
    settings = SETTINGS | {"limits": {"steps": 10**7, "samples": None}}
    path = tmp_path / "state" / "progress.json"
    command = [sys.executable, SCRIPT, *tiny.command(tmp_path, settings, "--save-every", "0.2")]
    job = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + SOON
        seen = {}
        while seen.get("step", 0) == 0 and time.monotonic() < deadline:
            time.sleep(0.1)
            if path.exists():
                seen = json.loads(path.read_text())
        assert seen["step"] > 0
        assert seen["pid"] == job.pid
        assert seen["running"] == [0, 1, 2]
        assert seen["seconds_left"] > 0
    finally:
        job.send_signal(signal.SIGKILL)
        job.wait()
    assert path.exists()
    command = [sys.executable, SCRIPT, *tiny.command(tmp_path, SETTINGS)]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    assert (tmp_path / "run.json").exists()
    assert not (tmp_path / "state").exists()
