"""The status of a workflow while Snakemake runs, and after it was killed."""

import os
import signal
import subprocess
import sys
import time

import pytest
from limits import SOON

pytestmark = pytest.mark.workflow


def endless(settings):
    experiment = settings["experiments"]["dcgan"]
    experiment["limits"]["steps"] = 1_000_000
    experiment["fid"]["threshold"] = 0.001


def status(checkout, config):
    script = "workflow/scripts/show_status.py"
    command = [sys.executable, script, "--configfile", config]
    shown = subprocess.run(command, cwd=checkout.root, capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr
    return shown.stdout


def wait_for(text, checkout, config, *, without=None, seconds=SOON):
    """The first status that holds `text`, and nothing of `without`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        shown = status(checkout, config)
        if text in shown and (without is None or without not in shown):
            return shown
        time.sleep(0.5)
    raise AssertionError(f"no {text!r} within {seconds} s: {shown}")


def test_status_beside_a_running_workflow(finished):
    config = finished.changed_config(endless)
    assert "3 of 6 training jobs done, 3 waiting" in status(finished, config)
    workflow = subprocess.Popen(
        finished.command(config=config),
        cwd=finished.root,
        env=finished.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        shown = wait_for(" (best ", finished, config)
        print(shown)
        locked = finished.snakemake(config=config)
        assert "LockException" in locked.stdout
        assert "3 of 6 training jobs done, " in shown
        assert "running      dcgan " in shown
        assert " of 1000000, classifier-FID " in shown
        assert " left, process " in shown
    finally:
        os.killpg(workflow.pid, signal.SIGKILL)
        workflow.wait()
    # Two trainings may have run; a killed process is gone when the kernel has freed its memory.
    shown = wait_for("interrupted  dcgan ", finished, config, without="running      ")
    assert "the same command continues it" in shown
