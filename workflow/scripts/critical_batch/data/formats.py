"""Which files are pictures: known by their first bytes, whatever they are called.

Needs no decoder, so that checking a configuration stays cheap.
"""

import os

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")
"""Pillow's decoders for pictures of unknown origin. None of them starts another program."""

FORMAT_NAMES = "PNG, JPEG, WebP, BMP, TIFF, GIF"

SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif"),
    *(".bmp", ".webp", ".tif", ".tiff", ".gif"),
)
"""Names that promise a picture: what lies under one and is none counts as damaged."""

HEAD_BYTES = 32
_STARTS = (
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    *(b"GIF87a", b"GIF89a"),
    *(b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),  # TIFF and BigTIFF
)
_BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)
_RAW_SUFFIXES = (".dng", ".nef", ".nrw", ".cr2", ".arw", ".sr2", ".srw", ".pef", ".3fr", ".iiq")
"""Cameras' raw files begin as TIFF does, and the picture that a TIFF decoder finds in them is a
thumbnail."""


def promises_picture(name: str) -> bool:
    """Whether a file of this name is meant to be a picture."""
    return name.lower().endswith(SUFFIXES)


def starts_as_picture(head: bytes) -> bool:
    """Whether the first `HEAD_BYTES` of a file are those of one of `FORMATS`."""
    if head[:4] == b"RIFF":
        return head[8:12] == b"WEBP"
    if head[:2] == b"BM":  # which ordinary text may begin with, too
        return int.from_bytes(head[14:18], "little") in _BMP_HEADERS
    return head.startswith(_STARTS)


def has_picture(path: str | os.PathLike, name: str) -> bool:
    """Whether a regular file has a picture's content. OSError where it cannot be read."""
    if name.lower().endswith(_RAW_SUFFIXES):
        return False
    with open(path, "rb") as file:
        return starts_as_picture(file.read(HEAD_BYTES))


def is_picture(path: str | os.PathLike, name: str) -> bool:
    """As `has_picture`; False where the file cannot be read."""
    try:
        return has_picture(path, name)
    except OSError:
        return False
