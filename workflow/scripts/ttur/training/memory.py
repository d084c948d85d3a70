"""How much memory a training job needs, known before it starts.

One step of training is run on PyTorch's `meta` device, whose tensors have shapes and no data, and
the bytes alive at a time are added up. What kernels take for themselves is a rule of thumb, and
bf16 is counted as fp32, so the number is good to a factor of two.
"""

import resource
import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

from ..errors import UserError
from ..network_kinds import largest_map
from ..networks import shapes
from ..networks.replicated import one_replica
from .groups import grouped
from .scoring import PASS
from .step import assemble, train_step
from .world import World

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


class _ShapesOfDraws:
    """What `draws.Draws` gives, without data."""

    def __init__(self, batch_size: int, replicas: int, image: tuple[int, int, int], latent: int):
        self._batch_size, self._replicas, self._image = batch_size, replicas, image
        self._latent = latent

    def real(self, counter: int) -> tuple[Tensor, Tensor]:
        channels, height, width = self._image
        return self._empty(self._replicas * channels, height, width), self._labels()

    def latents(self, counter: int) -> tuple[Tensor, Tensor]:
        return self._empty(self._replicas * self._latent), self._labels()

    def mix(self, counter: int) -> Tensor:
        return self._empty(self._replicas)

    def _empty(self, *shape: int) -> Tensor:
        return torch.empty(self._batch_size, *shape, device=_META)

    def _labels(self) -> Tensor:
        return torch.empty(self._batch_size, self._replicas, dtype=torch.int64, device=_META)


def training_bytes(
    settings: Mapping[str, Any],
    image_size: int,
    channels: int,
    classes: int,
    device: torch.device,
) -> int:
    """Bytes that the networks of a job take: weights, gradients, the optimizers' moments and the
    activations of one micro-batch of one process, or of the samples of an evaluation where these
    are more; of all seeds, grouped as they train, by the rule of thumb above.

    settings: a training job's. The images of the data set and the feature network come on top.
    device: the kind of device that the job runs on.
    """
    batch_size = settings["batch_size"] // settings["micro_batches"] // settings["processes"]
    part = {**settings, "micro_batches": 1, "discriminator_steps": 1}
    part["compute"] = {**settings["compute"], "precision": "fp32", "compile": False}
    image, latent = (channels, image_size, image_size), settings["networks"]["latent"]
    sizes = [len(group) for group in grouped(settings["seeds"], settings, image_size, device)]
    with _Alive() as alive:
        groups = []
        for replicas in sizes:
            pair = shapes(settings["networks"], image_size, channels, classes, replicas)
            groups.append((assemble(part, pair, _META, World()), replicas))
        for step in range(2):  # the moments come with the first step
            for players, replicas in groups:
                train_step(players, _ShapesOfDraws(batch_size, replicas, image, latent), step)
        samples = _ShapesOfDraws(min(PASS, settings["fid"]["samples"]), 1, image, latent)
        inputs = samples.latents(0)
        with torch.no_grad():
            one_replica(groups[0][0].sampler, 0)(*inputs)
    return int(_KERNELS * alive.peak) + _START


def ceiling_bytes(settings: Mapping[str, Any], image_size: int, channels: int) -> int | None:
    """A bound on the activations in `training_bytes`, generous and without the seconds that takes:
    so many of the largest feature maps per image of the batch, or of an evaluation. None where the
    kind of networks does not say how large they are."""
    numbers = largest_map(settings["networks"], image_size)
    if numbers is None:
        return None
    maps = max(channels * image_size**2, numbers) * 4
    images = max(128 * settings["batch_size"] * len(settings["seeds"]), 16 * PASS)
    return maps * images + (256 << 20)


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


def shortage(settings: Mapping[str, Any], needed: int, available: int) -> str | None:
    """One line where a job needs more than there is, with the keys that help; else None."""
    if needed <= available:
        return None
    return (
        f"batch size {settings['batch_size']} with {len(settings['seeds'])} seeds at a time needs "
        f"about {needed / 2**30:.1f} GiB, {available / 2**30:.1f} GiB are free: {_remedy(settings)}"
    )


def out_of_memory(settings: Mapping[str, Any], error: BaseException) -> UserError | None:
    """What to tell the user where an error says that memory has run out; else None."""
    text = str(error)
    if not isinstance(error, (MemoryError, torch.OutOfMemoryError)) and not (
        isinstance(error, RuntimeError)
        and any(words in text for words in ("can't allocate memory", "bad_alloc", "out of memory"))
    ):
        return None
    return UserError(
        f"out of memory at batch size {settings['batch_size']} with {len(settings['seeds'])} seeds "
        f"at a time: {_remedy(settings)}"
    )


def _remedy(settings: Mapping[str, Any]) -> str:
    """Keys of an experiment that make its jobs smaller and are not used up yet."""
    remedies = ["lower seeds_per_job"] if len(settings["seeds"]) > 1 else []
    if settings["micro_batches"] < settings["batch_size"]:
        remedies.append("raise micro_batches (BatchNorm then sees a part of the batch)")
    if settings["compute"]["precision"] != "bf16":
        remedies.append("set compute.precision to bf16")
    return ", ".join([*remedies, "or use a machine with more memory"])
