"""How the processes of a job are started, and what the program ends with."""

import logging
import signal
import sys

import pytest
from critical_batch.training.launch import run_processes
from torch.distributed.elastic.multiprocessing import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure
from torch.distributed.launcher import api


@pytest.fixture
def launched(monkeypatch):
    """What the launcher was asked for; `end` says how the processes end."""
    asked = {}

    def launch(config, program):
        def start(*words):
            asked.update(config=config, program=program, words=words)
            asked.get("end", lambda: None)()

        return start

    monkeypatch.setattr(api, "elastic_launch", launch)
    monkeypatch.setattr(sys, "argv", ["train_gan.py", "--threads", "1"])
    logger = logging.getLogger("torch.distributed.elastic")
    level = logger.level
    yield asked
    logger.setLevel(level)


def test_as_many_processes_run_this_program_on_this_machine_once(launched):
    assert run_processes(3) is None
    assert (launched["program"], launched["words"]) == (
        sys.executable,
        ("train_gan.py", "--threads", "1"),
    )
    config = launched["config"]
    assert (config.min_nodes, config.max_nodes, config.nproc_per_node) == (1, 1, 3)
    assert config.max_restarts == 0  # a job starts again from its state, not in the middle
    # Any free port, of this machine alone: two jobs on one machine do not meet.
    assert (config.rdzv_backend, config.rdzv_endpoint) == ("c10d", "localhost:0")
    assert config.signals_to_handle == "SIGINT,SIGTERM,SIGUSR1"
    assert config.monitor_interval <= 0.2
    run_processes(3)
    assert launched["config"].run_id != config.run_id
    assert len(config.run_id) == 32
    assert logging.getLogger("torch.distributed.elastic").level == logging.CRITICAL


def ended(launched, error):
    def end():
        raise error

    launched["end"] = end
    with pytest.raises(SystemExit) as stopped:
        run_processes(2)
    return stopped.value.code


def test_a_signal_ends_with_its_status(launched):
    assert ended(launched, SignalException("", signal.SIGUSR1)) == 128 + signal.SIGUSR1


@pytest.mark.parametrize(("code", "status"), [(1, 1), (143, 143), (-9, 137), (-15, 143)])
def test_a_process_that_failed_or_was_killed_gives_the_status(launched, code, status):
    failure = ProcessFailure(local_rank=0, pid=1, exitcode=code, error_file="none")
    assert ended(launched, ChildFailedError("train_gan.py", {0: failure})) == status
