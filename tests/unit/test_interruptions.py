"""Signals and kills: a training job that was ended goes on and ends as an undisturbed one."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from limits import SOON
from training_runs import SCRIPT, log_of, outputs, settings_with, start

SIGNALS = ("SIGTERM", "SIGUSR1", "SIGINT")
# A few seconds of training, with an evaluation now and then.
LONGER = settings_with(
    {"grid": {"kind": "linear", "every": 50}}, limits={"steps": 300, "samples": None}
)
ENDLESS = LONGER | {"limits": {"steps": 10**6, "samples": None}}
# One step, then an evaluation of minutes.
EVALUATING = settings_with({"samples": 3_000_000}, limits={"steps": 1, "samples": None})


@pytest.fixture(scope="module")
def undisturbed(tiny, tmp_path_factory):
    """Outputs of LONGER without disturbance, and the seconds it took."""
    folder = tmp_path_factory.mktemp("undisturbed")
    started = time.monotonic()
    assert start(tiny, folder, settings=LONGER).wait() == 0, log_of(folder)
    return outputs(folder), time.monotonic() - started


def ended(process, name) -> float:
    """Sends a signal to the process's group, as Slurm and a terminal do; returns the seconds of
    computing until it ended, which a busy machine does not lengthen."""
    number = signal.Signals[name]
    ticks = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    before = sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
    os.killpg(process.pid, number)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 128 + number
    return usage.ru_utime + usage.ru_stime - before


def training(tiny, output, settings):
    """A process that has taken its first steps: it saves before every step."""
    state = output / "state" / "state.pt"
    before = state.stat().st_mtime_ns if state.exists() else 0
    process = start(tiny, output, "--save-every", "0", settings=settings)
    deadline = time.monotonic() + SOON
    while not state.exists() or state.stat().st_mtime_ns == before:
        assert process.poll() is None, log_of(output)
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return process


def catches(pid, number):
    """Whether a process has a handler of its own for a signal."""
    with open(f"/proc/{pid}/status") as status:
        masks = dict(line.split(":", 1) for line in status)
    return bool(int(masks["SigCgt"], 16) & 1 << (number - 1))


@pytest.mark.parametrize("name", SIGNALS)
def test_a_signal_saves_the_state(tiny, tmp_path, name):
    process = training(tiny, tmp_path, ENDLESS)
    assert ended(process, name) < 5
    lines = log_of(tmp_path).splitlines()
    assert f"{name}: state saved at step " in lines[-1]
    assert "Traceback" not in log_of(tmp_path)
    step = int(lines[-1].split("at step ")[1].split(",")[0])
    assert step > 0
    assert {path.name for path in tmp_path.iterdir()} == {"log", "state"}
    assert {path.name for path in (tmp_path / "state").iterdir()} <= {
        "state.pt",
        "state.previous.pt",
        "progress.json",
    }


def test_a_signal_breaks_off_a_long_evaluation(tiny, tmp_path):
    process = training(tiny, tmp_path, EVALUATING)
    time.sleep(3)
    assert ended(process, "SIGTERM") < 5
    assert "SIGTERM: state saved at step 1," in log_of(tmp_path)


@pytest.mark.parametrize("name", SIGNALS)
def test_a_signal_while_starting_ends_in_one_line(tiny, tmp_path, name):
    for delay in (0, 0.2, 0.6):  # in the middle of the imports
        process = start(tiny, tmp_path)
        while not catches(process.pid, signal.SIGUSR1):  # the last of them
            time.sleep(0.01)
        time.sleep(delay)
        assert ended(process, name) < 5
        assert log_of(tmp_path) == f"{name}: ended before training began\n"
        assert [path.name for path in tmp_path.iterdir()] == ["log"]


@pytest.mark.slow
def test_ten_kills_and_signals_at_random_times_change_nothing(tiny, tmp_path, undisturbed):
    expected, seconds = undisturbed
    chance = random.Random(0)
    numbers = [signal.SIGKILL] * 10 + [signal.SIGTERM, signal.SIGUSR1]
    while numbers:
        process = start(tiny, tmp_path, "--save-every", "0.1", settings=LONGER)
        try:
            process.wait(chance.uniform(0, seconds))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, numbers.pop())
        if process.wait() == 0:  # it was faster: nothing to continue, so from the beginning
            assert outputs(tmp_path) == expected
        for path in tmp_path.glob("*.*"):  # as Snakemake does before it runs a job again
            path.unlink()
    assert start(tiny, tmp_path, settings=LONGER).wait() == 0
    assert outputs(tmp_path) == expected
    assert not (tmp_path / "state").exists()


def waiting(tiny, output, first, settings):
    """A second process for the job of `first`, which stands still until it says that it waits."""
    os.kill(first.pid, signal.SIGSTOP)
    command = [sys.executable, SCRIPT, *tiny.command(output, settings)]
    second = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    line = second.stderr.readline()
    assert f"process {first.pid} on {socket.gethostname()} trains this job already" in line
    os.kill(first.pid, signal.SIGCONT)
    return second


def test_a_second_process_waits_and_does_the_work_no_second_time(tiny, tmp_path, undisturbed):
    first = training(tiny, tmp_path, LONGER)
    second = waiting(tiny, tmp_path, first, LONGER)
    assert first.wait() == 0
    assert second.stderr.read().endswith("that process has finished the job\n")
    assert second.wait() == 0
    assert outputs(tmp_path) == undisturbed[0]
    assert not (tmp_path / "state").exists()


def test_a_second_process_continues_where_the_first_was_killed(tiny, tmp_path, undisturbed):
    first = training(tiny, tmp_path, LONGER)
    second = waiting(tiny, tmp_path, first, LONGER)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    assert "continuing from" in second.stderr.read()
    assert second.wait() == 0
    assert outputs(tmp_path) == undisturbed[0]


def test_a_waiting_process_ends_on_a_signal(tiny, tmp_path):
    first = training(tiny, tmp_path, EVALUATING)
    second = waiting(tiny, tmp_path, first, EVALUATING)
    second.terminate()
    assert second.wait(60) == 128 + signal.SIGTERM
    assert first.poll() is None
    ended(first, "SIGTERM")


def test_two_processes_end_together_on_a_signal(tiny, tmp_path):
    settings = ENDLESS | {"processes": 2}
    process = training(tiny, tmp_path, settings)
    os.kill(process.pid, signal.SIGUSR1)  # the launcher alone: it passes the signal on
    assert process.wait(60) == 128 + signal.SIGUSR1
    assert "SIGUSR1: state saved at step " in log_of(tmp_path)
    assert "Traceback" not in log_of(tmp_path)
    process = training(tiny, tmp_path, settings)
    assert "continuing from" in log_of(tmp_path)
    ended(process, "SIGTERM")
    assert "Traceback" not in log_of(tmp_path)
