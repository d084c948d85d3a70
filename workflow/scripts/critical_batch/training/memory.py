"""How much memory a training job needs, known before it starts.

One step of training is run on PyTorch's `meta` device, whose tensors have shapes and no data, and
the bytes alive at a time are added up. What kernels take for themselves is a rule of thumb, and
bf16 is counted as fp32, so the number is good to a factor of two.
"""

import resource
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

from ..data.shape import ImageShape
from ..metrics.evaluator import PASS
from ..networks.build import shapes
from ..networks.kinds import largest_map
from ..networks.replicated import one_replica
from ..runtime.errors import UserError
from .inputs import EmptyInputs
from .job import TrainingJob
from .seed_groups import together_or_apart
from .step import assemble, update

_META = torch.device("meta")
# Measured on a CPU: the convolutions' copies in layouts of their own, and the threads' buffers.
_KERNELS, _START = 1.35, 40 << 20


class _Alive(TorchDispatchMode):
    """Counts the bytes of all tensors that are alive; peak is the most there were."""

    def __init__(self) -> None:
        super().__init__()
        self._sizes: dict[int, int] = {}
        self._now = self.peak = 0

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        result = function(*arguments, **(options or {}))
        tree_map_only(Tensor, self._count, result)
        return result

    def _count(self, tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in self._sizes:
            self._sizes[storage._cdata] = storage.nbytes()
            self._now += storage.nbytes()
            self.peak = max(self.peak, self._now)
            weakref.finalize(storage, self._forget, storage._cdata)
        return tensor

    def _forget(self, key: int) -> None:
        self._now -= self._sizes.pop(key)


def training_bytes(job: TrainingJob, shape: ImageShape, device: torch.device) -> int:
    """Bytes that the networks of a job take: weights, gradients, the optimizers' moments and the
    activations of one micro-batch of one process, or of the samples of an evaluation where these
    are more; of all seeds, grouped as they train, by the rule of thumb above.

    shape: of the images. The images of the data set and the feature network come on top. device:
    the kind of device that the job runs on.
    """
    part = replace(
        job,
        batch_size=job.batch_size // job.micro_batches // job.processes,
        micro_batches=1,
        discriminator_steps=1,
        compute=replace(job.compute, precision="fp32", compile=False),
    )
    sizes = [len(group) for group in together_or_apart(job.seeds, job, shape.size, device)]
    with _Alive() as alive:
        groups = []
        for replicas in sizes:
            pair = assemble(part, shapes(part.networks, shape, replicas), device=_META)
            groups.append((pair, EmptyInputs(part, shape, replicas)))
        for step in range(2):  # the moments come with the first step
            for pair, source in groups:
                update(pair, source.at(step))
        samples = replace(part, batch_size=min(PASS, job.fid.samples))
        inputs = EmptyInputs(samples, shape, 1).latents(0)
        with torch.no_grad():
            one_replica(groups[0][0].sampler, 0)(*inputs)
    return int(_KERNELS * alive.peak) + _START


def ceiling_bytes(job: TrainingJob, shape: ImageShape) -> int | None:
    """A bound on the activations in `training_bytes`, generous and without the seconds that takes:
    so many of the largest feature maps per image of the batch, or of an evaluation. None where the
    kind of networks does not say how large they are."""
    numbers = largest_map(job.networks, shape.size)
    if numbers is None:
        return None
    maps = max(shape.channels * shape.size**2, numbers) * 4
    images = max(128 * job.batch_size * len(job.seeds), 16 * PASS)
    return maps * images + (256 << 20)


def memory_warning(job: TrainingJob, shape: ImageShape, device: torch.device) -> str | None:
    """One line where a job does not fit or cannot be estimated; None where it fits.

    A quick bound comes first, since counting takes a second or two.
    """
    available = available_bytes(device)
    ceiling = ceiling_bytes(job, shape)
    if ceiling is not None and ceiling <= available:
        return None
    try:
        needed = training_bytes(job, shape, device)
    except (RuntimeError, TypeError, ValueError) as error:  # networks that look at their data
        reason = " ".join(str(error).split())[:200]
        return f"memory is not estimated, the networks do not run without data ({reason})"
    return shortage(job, needed, available)


def available_bytes(device: torch.device) -> int:
    """Memory that is free for this process: on the GPU, or within the machine's, the control
    group's (a container, a Slurm job) and the process's own limit."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return min(_free_memory())


def _free_memory() -> Iterator[int]:
    lines = Path("/proc/meminfo").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    yield int(fields["MemAvailable"].split()[0]) << 10
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        yield limit - pages * resource.getpagesize()
    own = Path("/proc/self/cgroup").read_text().rpartition("0::/")[2].splitlines()
    group = Path("/sys/fs/cgroup", *own[:1])
    for folder in (group, *group.parents):
        try:
            limit, used = (int((folder / f"memory.{name}").read_text()) for name in _LIMITS)
        except (OSError, ValueError):  # not a group, or "max": no limit
            continue
        cached = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        yield limit - used + int(cached["inactive_file"])


_LIMITS = ("max", "current")


def shortage(job: TrainingJob, needed: int, available: int) -> str | None:
    """One line where a job needs more than there is, with the keys that help; else None."""
    if needed <= available:
        return None
    return (
        f"batch size {job.batch_size} with {len(job.seeds)} seeds at a time needs "
        f"about {needed / 2**30:.1f} GiB, {available / 2**30:.1f} GiB are free: {_remedy(job)}"
    )


def out_of_memory(job: TrainingJob, error: BaseException) -> UserError | None:
    """What to tell the user where an error says that memory has run out; else None."""
    text = str(error)
    if not isinstance(error, (MemoryError, torch.OutOfMemoryError)) and not (
        isinstance(error, RuntimeError)
        and any(words in text for words in ("can't allocate memory", "bad_alloc", "out of memory"))
    ):
        return None
    return UserError(
        f"out of memory at batch size {job.batch_size} with {len(job.seeds)} seeds "
        f"at a time: {_remedy(job)}"
    )


def _remedy(job: TrainingJob) -> str:
    """Keys of an experiment that make its jobs smaller and are not used up yet."""
    remedies = ["lower seeds_per_job"] if len(job.seeds) > 1 else []
    if job.micro_batches < job.batch_size:
        remedies.append("raise micro_batches (BatchNorm then sees a part of the batch)")
    if job.compute.precision != "bf16":
        remedies.append("set compute.precision to bf16")
    return ", ".join([*remedies, "or use a machine with more memory"])
