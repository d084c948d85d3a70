"""train_gan.py as a process of its own, and what it wrote."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

from conftest import SETTINGS
from limits import SOON

SCRIPT = "workflow/scripts/train_gan.py"


def settings_with(fid=None, **changes):
    return SETTINGS | {"fid": SETTINGS["fid"] | (fid or {})} | changes


def start(tiny, output, *options, settings=SETTINGS, **popen):
    """train_gan.py at work in a process group of its own; its log is output/log."""
    output.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, SCRIPT, *tiny.command(output, settings, *options)]
    with open(output / "log", "w") as log:
        # A shell in the background ignores SIGINT, and what it starts inherits that.
        return subprocess.Popen(
            command, stderr=log, start_new_session=True, preexec_fn=heed_ctrl_c, **popen
        )


def heed_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def log_of(output: Path) -> str:
    return (output / "log").read_text()


def wait_for_line(process, output: Path, words: str, seconds: float = SOON) -> None:
    """Waits until the log holds these words; the process must not end before."""
    deadline = time.monotonic() + seconds
    while words not in log_of(output):
        assert process.poll() is None, log_of(output)
        assert time.monotonic() < deadline
        time.sleep(0.02)


def outputs(folder: Path):
    """Bytes of the history and of the final generators, and the record without its times."""
    return (
        (folder / "history.csv").read_bytes(),
        (folder / "generators.safetensors").read_bytes(),
        without_times(json.loads((folder / "run.json").read_text())),
    )


def without_times(record):
    times = ("seconds", "evaluation_seconds", "seed_steps_per_second", "record_sha256")
    results = [{k: v for k, v in seed.items() if k != "seconds"} for seed in record["results"]]
    return {k: v for k, v in record.items() if k not in times} | {"results": results}
