"""Devices of pretended names shared out among processes that really run at the same time."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from critical_batch.runtime import devices
from critical_batch.runtime.errors import UserError
from critical_batch.runtime.gpu_slots import device_ids, take_gpus
from limits import HANG

SCRIPTS = Path(__file__).parents[2] / "workflow" / "scripts"
# Takes devices, says which, and works until it is told to stop or for a given time.
JOB = """\
import os, sys, time
from critical_batch.runtime.gpu_slots import take_gpus
take_gpus(int(sys.argv[1]))
print(time.monotonic(), os.environ["CUDA_VISIBLE_DEVICES"], flush=True)
if sys.argv[2] == "wait":
    sys.stdin.read()
elif sys.argv[2] == "exec":  # as train_gan.py starts torch's launcher
    os.execv(sys.executable, [sys.executable, "-c", "import sys; sys.stdin.read()"])
else:
    time.sleep(float(sys.argv[2]))
print(time.monotonic(), flush=True)
"""


@pytest.fixture
def start(tmp_path):
    """Starts a job with devices of its own; all are ended after the test."""
    jobs = []

    def start(count, until, **environment):
        kept = {k: v for k, v in os.environ.items() if k not in ("CUDA_VISIBLE_DEVICES",)}
        kept |= {
            "TMPDIR": str(tmp_path),
            "PYTHONPATH": str(SCRIPTS),
            "CRITICAL_BATCH_GPUS": "5,6,7,8",
        }
        job = subprocess.Popen(
            [sys.executable, "-c", JOB, str(count), str(until)],
            env=kept | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        jobs.append(job)
        return job

    yield start
    for job in jobs:
        job.kill()
        job.communicate()


def devices_of(job):
    return job.stdout.readline().split()[1].split(",")


def test_a_device_never_works_for_two_jobs_at_a_time(start):
    jobs = [start(count, 0.3) for count in (1, 1, 2, 1, 3, 1, 2, 1)]
    uses = []
    for job in jobs:
        first, last = job.communicate(timeout=HANG)[0].splitlines()
        assert job.returncode == 0
        began, names = first.split()
        uses += [(name, float(began), float(last)) for name in names.split(",")]
    assert len(uses) == 12
    assert {name for name, *_ in uses} == {"5", "6", "7", "8"}
    for name, began, ended in uses:
        others = [use for use in uses if use[0] == name and use[1:] != (began, ended)]
        assert all(ended <= other[1] or other[2] <= began for other in others)


def test_four_jobs_have_four_devices(start):
    assert {devices_of(start(1, "wait"))[0] for _ in range(4)} == {"5", "6", "7", "8"}


@pytest.mark.parametrize("until", ["wait", "exec"])
def test_kill_9_frees_the_devices(start, until):
    first, second = start(2, until), start(2, until)
    taken = devices_of(first)
    assert sorted(taken + devices_of(second)) == ["5", "6", "7", "8"]
    third = start(2, "wait")
    assert third.stderr.readline() == "waiting for 2 of the GPUs 5, 6, 7, 8\n"
    first.send_signal(signal.SIGKILL)
    assert devices_of(third) == taken


def test_two_that_wait_for_several_do_not_block_each_other(start):
    jobs = [start(3, 0.2) for _ in range(4)]
    assert [job.wait(timeout=HANG) for job in jobs] == [0] * 4


def test_a_slurm_job_keeps_what_slurm_gave_it(start):
    slurm = {"SLURM_JOB_ID": "77", "CRITICAL_BATCH_GPUS": "0"}
    one = start(1, "wait", **slurm, CUDA_VISIBLE_DEVICES="0")
    other = start(1, "wait", **slurm | {"SLURM_JOB_ID": "78"}, CUDA_VISIBLE_DEVICES="0")
    assert devices_of(one) == devices_of(other) == ["0"]  # on a cluster these are two GPUs
    several = [
        start(1, "wait", SLURM_JOB_ID="79", CRITICAL_BATCH_GPUS="0,1", CUDA_VISIBLE_DEVICES="0,1")
        for _ in range(2)
    ]
    assert {devices_of(job)[0] for job in several} == {"0", "1"}


def test_too_many_devices_are_an_error_with_a_remedy(monkeypatch):
    monkeypatch.setenv("CRITICAL_BATCH_GPUS", "0,1")
    with pytest.raises(UserError, match="processes: 3, but there are only 2 GPUs here"):
        take_gpus(3)


def test_a_folder_of_someone_else_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("CRITICAL_BATCH_GPUS", "0")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / f"critical-batch-gpus-{os.getuid()}").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="belongs to someone else"):
        take_gpus(1)


def test_names_of_devices(tmp_path, monkeypatch):
    assert device_ids({"CUDA_VISIBLE_DEVICES": "2, 3"}) == ["2", "3"]
    assert device_ids({"CUDA_VISIBLE_DEVICES": ""}) == []
    assert device_ids({"CUDA_VISIBLE_DEVICES": "2,3", "CRITICAL_BATCH_GPUS": "a"}) == ["a"]
    driver = tmp_path / "nvidia-smi"
    driver.write_text("#!/bin/sh\necho 'GPU 0: X (UUID: a)'; echo '  MIG'; echo 'GPU 1: X'\n")
    driver.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert device_ids({}) == ["0", "1"]
    driver.write_text("#!/bin/sh\nexit 9\n")
    assert device_ids({}) == []
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert device_ids({}) == []


def test_the_device_is_chosen_before_cuda_is_looked_at(tmp_path, monkeypatch):
    seen = []

    def look():
        seen.append(os.environ.get("CUDA_VISIBLE_DEVICES"))
        return False

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("torch.cuda.is_available", look)
    monkeypatch.setenv("CRITICAL_BATCH_GPUS", "11,12")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(UserError, match="sees no GPU"):
        devices.open_device("cuda")
    assert seen == ["11"]
    assert devices.open_device("cpu").type == "cpu"  # takes none


def test_processes_of_a_launcher_use_what_it_took(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    for name, value in {
        "CRITICAL_BATCH_GPUS": "0",
        "LOCAL_RANK": "1",
        "CUDA_VISIBLE_DEVICES": "3,4",
    }.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match="sees no GPU"):
        devices.open_device("cuda")
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "3,4"
