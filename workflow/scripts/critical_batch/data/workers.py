"""Decoding in several processes. What comes out does not depend on their number."""

import multiprocessing
import os
import signal
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager
from functools import partial
from itertools import islice
from typing import NamedTuple

import numpy as np

from ..runtime.errors import UserError
from .flatten import SixteenBits
from .pictures import Remark, reason_of
from .reader import Decode, Item, Source

CHUNK = 32
"""Images per task: 6 MB of pixels at 256x256."""


Named = list[tuple[str, str]]
"""Names of images, each with what is to say of it."""


class Chunk(NamedTuple):
    """Neighbouring images.

    pixels: one image after the other. skipped: those that did not decode, with the reason.
    remarks: those that did, with what is worth knowing. highest: the largest sample of those of
    16 bits, 0 without such.
    """

    pixels: bytes
    labels: list[int]
    skipped: Named
    remarks: Named
    highest: int


def decoded(source: Source, start: int, processes: int) -> Iterator[Chunk]:
    """Decodes all items from number `start` on, in order.

    Holds at most 2 * processes + 1 chunks. With one process everything happens in this one.
    Raises ValueError where an image has not the source's shape, UserError where a process dies.
    """
    tasks = _tasks(islice(source.items(), start, None))
    work = partial(decode_chunk, source.decoder, source.shape)
    if processes == 1:
        yield from map(work, tasks)
        return
    # Not forked: a forked process would inherit open databases and the locks of threads.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, initializer=_start_process) as pool:
        pending = deque()
        try:
            for task in tasks:
                pending.append(pool.submit(work, task))
                if len(pending) > 2 * processes:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        except BrokenProcessPool:
            raise UserError(
                "a decoding process was killed, most likely for want of memory: "
                "run again with fewer --threads, what is done is kept"
            ) from None
        finally:
            pool.shutdown(cancel_futures=True)


def decode_chunk(
    decoder: Callable[[], AbstractContextManager[Decode]],
    shape: tuple[int, int, int],
    items: list[Item],
) -> Chunk:
    """Decodes the items; those that fail are skipped and named."""
    pixels, labels, skipped, remarks, highest = [], [], [], [], 0
    with decoder() as decode:
        for item in items:
            try:
                with warnings.catch_warnings(record=True) as caught:
                    warnings.simplefilter("always")
                    image = decode(item.where)
            except MemoryError:
                raise
            except Exception as error:  # Pillow's decoders raise almost anything on damaged bytes.
                skipped.append((item.name, reason_of(error)))
                continue
            if image.shape != shape or image.dtype != np.uint8:
                raise ValueError(f"image {item.name}: {image.dtype} {image.shape}, not {shape}")
            pixels.append(image.tobytes())
            labels.append(item.label)
            for warning in (each.message for each in caught):
                if isinstance(warning, Remark):
                    remarks.append((item.name, str(warning)))
                elif isinstance(warning, SixteenBits):
                    highest = max(highest, warning.highest)
    return Chunk(b"".join(pixels), labels, skipped, remarks, highest)


def _tasks(items: Iterator[Item]) -> Iterator[list[Item]]:
    while task := list(islice(items, CHUNK)):
        yield task


def _start_process() -> None:
    """An interrupt is the parent's to handle; a killed parent leaves no process behind."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    multiprocessing.parent_process().join()
    os._exit(1)
