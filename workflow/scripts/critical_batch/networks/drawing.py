"""Random numbers of modules that draw from PyTorch's global generator."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def drawn_from(seed: int, device: torch.device | None = None) -> Iterator[None]:
    """What is drawn inside from PyTorch's global generators follows from the seed alone.

    Afterwards they are as they were. device: whose generator it is besides that of the CPU.
    """
    generators = [torch.default_generator]
    if device is not None and device.type == "cuda":
        generators.append(torch.cuda.default_generators[device.index or 0])
    before = [each.get_state() for each in generators]
    try:
        for each in generators:
            each.manual_seed(seed)
        yield
    finally:
        for each, state in zip(generators, before, strict=True):
            each.set_state(state)


def seed_of(*values: float) -> int:
    """A seed that follows from these numbers: a hash of them.

    Processes that share a job draw apart from each other.
    """
    dist = torch.distributed
    rank = dist.get_rank() if dist.is_available() and dist.is_initialized() else 0
    digest = hashlib.blake2b(repr((rank, *values)).encode(), digest_size=4).digest()
    return int.from_bytes(digest, "little")
