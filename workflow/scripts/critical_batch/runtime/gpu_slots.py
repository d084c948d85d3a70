"""A GPU of its own for each of several jobs on one machine.

Snakemake counts GPUs, it does not say which one a job may use. Each device has a lock file, and a
job takes the first that nobody holds. The kernel releases a lock when the process that holds it
ends, however it ends.
"""

import fcntl
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from .errors import UserError

_SECONDS_BETWEEN_TRIES = 0.5


def device_ids(environment: Mapping[str, str]) -> list[str]:
    """The devices of this machine that a job may use; none where there is no driver.

    Those of CRITICAL_BATCH_GPUS (for tests, which pretend), of CUDA_VISIBLE_DEVICES, or all that
    nvidia-smi lists.
    """
    for name in ("CRITICAL_BATCH_GPUS", "CUDA_VISIBLE_DEVICES"):
        if name in environment:
            return [part.strip() for part in environment[name].split(",") if part.strip()]
    try:
        listing = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return []
    lines = listing.stdout.splitlines() if listing.returncode == 0 else []
    return [str(number) for number in range(sum(line.startswith("GPU ") for line in lines))]


def take_gpus(count: int) -> None:
    """Reserves `count` devices for this process until it ends, and lets CUDA see no others.

    Waits where too few are free. To be called before CUDA is first used, which is when
    CUDA_VISIBLE_DEVICES is read. Nothing happens where there is no device at all, and where the
    devices are as many as asked for and come from Slurm: they are this job's own.

    Raises UserError where the machine has fewer than `count`.
    """
    ids = device_ids(os.environ)
    slurm_job = os.environ.get("SLURM_JOB_ID", "")
    if not ids or (slurm_job and len(ids) == count):
        return
    if len(ids) < count:
        raise UserError(
            f"processes: {count}, but there are only {len(ids)} GPUs here ({', '.join(ids)}): "
            "lower processes in the configuration"
        )
    # Within a Slurm job devices may be numbered from 0 in each.
    folder = _folder(f"job-{slurm_job}" if slurm_job else "machine")
    os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(_lock(folder, ids, count))


def _folder(name: str) -> Path:
    """The folder of lock files, this user's own: others could keep or remove the files."""
    own = Path(tempfile.gettempdir()) / f"critical-batch-gpus-{os.getuid()}"
    own.mkdir(mode=0o700, exist_ok=True)
    status = own.lstat()
    if own.is_symlink() or status.st_uid != os.getuid():
        raise UserError(f"{own} belongs to someone else: set TMPDIR to a folder of your own")
    (own / name).mkdir(exist_ok=True)
    return own / name


def _lock(folder: Path, ids: list[str], count: int) -> list[str]:
    """The first `count` free devices, locked; all or none, so that no two jobs wait in a ring."""
    said = False
    while True:
        held: dict[str, int] = {}
        for device in ids:
            if len(held) == count:
                break
            descriptor = _try_lock(folder / device.replace("/", "_"))
            if descriptor is not None:
                held[device] = descriptor
        if len(held) == count:
            for descriptor in held.values():
                # Left open for good, also when torch's launcher takes the place of this process.
                os.set_inheritable(descriptor, True)
            return list(held)
        for descriptor in held.values():
            os.close(descriptor)
        if not said:
            print(f"waiting for {count} of the GPUs {', '.join(ids)}", file=sys.stderr, flush=True)
            said = True
        time.sleep(_SECONDS_BETWEEN_TRIES * random.uniform(0.5, 1.5))


def _try_lock(path: Path) -> int | None:
    """An open, locked file, or None where another process holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
