"""Starts the processes of a job that trains on several GPUs, and ends with what they ended with."""

import logging
import signal
import sys
import uuid

from .signals import SIGNALS


def run_processes(count: int) -> None:
    """Runs this program `count` times at once, with torch's launcher; exits with their status.

    A signal is passed on to all of them: the first saves, and the others end when it has. What
    goes wrong in a process it says itself, so the launcher's own report of it is left out.
    """
    from torch.distributed.elastic.multiprocessing import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=count,
        run_id=uuid.uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
        monitor_interval=0.1,
        signals_to_handle=",".join(number.name for number in SIGNALS),
    )
    try:
        elastic_launch(config, sys.executable)(*sys.argv)
    except SignalException as stop:
        sys.exit(128 + signal.Signals(stop.sigval))
    except ChildFailedError as error:
        _, failure = error.get_first_failure()
        code = failure.exitcode
        sys.exit(code if code > 0 else 128 - code)
