"""The C library's memory, kept instead of given back and asked for again."""

import ctypes

# glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_LARGEST = 32 << 20  # what glibc allows for the second
_NEVER = 2**31 - 1


def keep_freed_memory() -> None:
    """Has this process keep what it frees, for its next tensors; without effect but on glibc.

    By default the kernel hands out, and clears, the memory of every tensor above 128 KB anew,
    which took a third of the time of evaluating BigGAN's samples (docs/performance.md).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGEST)
        mallopt(_M_TRIM_THRESHOLD, _NEVER)
