"""The IDX format of MNIST and Fashion-MNIST, gzip-compressed.

Layout: two zero bytes, the type code (8 is unsigned byte), the number of axes, one big-endian
uint32 per axis, then the values in C order (http://yann.lecun.com/exdb/mnist/).
"""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from ..runtime.errors import UserError

UNSIGNED_BYTE = 8


def read_idx(path: str | Path, shape: tuple[int, ...], maximum: int = 255) -> np.ndarray:
    """Reads a gzip-compressed IDX file of unsigned bytes.

    shape: the shape the file must have. maximum: the largest value it may hold.
    Returns uint8 of that shape. Raises UserError naming the file where it is missing, damaged,
    truncated, or not what is expected.
    """
    magic = bytes([0, 0, UNSIGNED_BYTE, len(shape)])
    size = math.prod(shape)
    try:
        with gzip.open(path, "rb") as file:
            header = file.read(len(magic) + 4 * len(shape))
            body = file.read(size)
            # Reading to the end is what makes gzip check its CRC-32.
            surplus = file.read(1)
    except FileNotFoundError:
        raise UserError(f"{path} is missing: put the file there or correct root") from None
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path} is damaged ({error}): fetch the file again") from None
    if header[: len(magic)] != magic:
        raise UserError(
            f"{path} is not an IDX file of unsigned bytes with {len(shape)} axes "
            f"(starts with {header[: len(magic)].hex()}, not {magic.hex()}): fetch the file again"
        )
    if len(header) < len(magic) + 4 * len(shape) or len(body) < size or surplus:
        raise UserError(f"{path} does not hold {size} values: fetch the file again")
    found = struct.unpack(f">{len(shape)}I", header[len(magic) :])
    if found != shape:
        raise UserError(f"{path} has shape {found}, not {shape}: fetch the file again")
    values = np.frombuffer(body, dtype=np.uint8).reshape(shape)
    if values.max(initial=0) > maximum:
        raise UserError(f"{path} holds {values.max()}, above {maximum}: fetch the file again")
    return values
