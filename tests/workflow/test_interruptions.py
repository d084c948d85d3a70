"""Kills and signals while snakemake runs: a rerun ends as an undisturbed run."""

import os
import random
import signal
import subprocess
import time

import pytest
from limits import HANG, SOON

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

JOB = "results/runs/dcgan/Adam/b4/seeds_0-1"


def one_longer_job(settings):
    """A job of a few seconds that never reaches its threshold."""
    dcgan = settings["experiments"]["dcgan"]
    settings["experiments"] = {"dcgan": dcgan}
    dcgan["optimizers"] = {"Adam": dcgan["optimizers"]["Adam"]}
    dcgan["batch_sizes"] = [4]
    dcgan["limits"]["steps"] = 600
    dcgan["fid"]["threshold"] = 0.1


def outputs(checkout):
    """What a job is to repeat to the byte."""
    return [
        (checkout.root / JOB / name).read_bytes()
        for name in ("history.csv", "generators.safetensors")
    ]


@pytest.fixture(scope="module")
def undisturbed(smoke_run, tmp_path_factory):
    checkout = smoke_run.checkout.copy(tmp_path_factory.mktemp("undisturbed"))
    assert (
        checkout.snakemake("train", config=checkout.changed_config(one_longer_job)).returncode == 0
    )
    return outputs(checkout)


def start_training(checkout, *words):
    """Snakemake at work, in a process group of its own, and the process that trains."""
    log = checkout.root / "results/logs/train_gan/dcgan.Adam.b4.seeds_0-1.log"
    log.unlink(missing_ok=True)
    process = subprocess.Popen(
        checkout.command("train", *words, config=checkout.changed_config(one_longer_job)),
        cwd=checkout.root,
        env=checkout.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        # A shell in the background ignores SIGINT, and what it starts inherits that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + SOON
    while not (log.exists() and " from" in log.read_text()):  # the beginning, or its state
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    lock = checkout.root / JOB.replace("runs", "state") / "state.lock"
    return process, int(lock.read_text().split()[0])


def unlock_and_rerun(checkout):
    """What the README says to do after a kill."""
    locked = checkout.snakemake("train", config="changed.yaml")
    assert locked.returncode != 0
    assert "--unlock" in locked.stdout  # Snakemake says what to do
    assert checkout.snakemake("--unlock", config="changed.yaml").returncode == 0
    return checkout.snakemake("train", config="changed.yaml")


def assert_as_undisturbed(checkout, undisturbed, result):
    assert result.returncode == 0, result.stdout
    assert undisturbed[0].count(b"\n") > 10
    assert outputs(checkout) == undisturbed
    assert not (checkout.root / "results/state").exists()


@pytest.mark.parametrize("victims", ["both", "snakemake"])
def test_a_kill_changes_nothing(finished, undisturbed, victims):
    process, _ = start_training(finished)
    time.sleep(random.Random(victims).uniform(0, 1))
    if victims == "both":
        os.killpg(process.pid, signal.SIGKILL)  # snakemake, its shell and the training
    else:
        os.kill(process.pid, signal.SIGKILL)  # the training lives on
    process.wait()
    assert_as_undisturbed(finished, undisturbed, unlock_and_rerun(finished))


@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM", "SIGUSR1"])
def test_a_training_that_is_ended_is_retried_from_its_state(finished, undisturbed, name):
    process, training = start_training(finished, "--retries", "2")
    os.kill(training, signal.Signals[name])
    assert process.wait(HANG) == 0
    assert outputs(finished) == undisturbed
    assert not (finished.root / "results/state").exists()


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_to_all_saves_and_leaves_no_lock(finished, undisturbed, name):
    process, _ = start_training(finished)
    os.killpg(process.pid, signal.Signals[name])  # Ctrl-C, or a batch job that is cancelled
    assert process.wait(HANG) != 0
    log = finished.root / "results/logs/train_gan/dcgan.Adam.b4.seeds_0-1.log"
    assert name in log.read_text()
    assert_as_undisturbed(finished, undisturbed, finished.snakemake("train", config="changed.yaml"))
