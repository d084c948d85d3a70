"""Encoded images of unknown origin -> pixels. Raises whatever Pillow raises on damaged bytes."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from .formats import FORMAT_NAMES, HEAD_BYTES, starts_as_picture
from .metadata import without_metadata
from .resize import PAPER_FILTER, resize_picture

PAPER_FORMATS = ("JPEG", "PNG", "WEBP")
"""ImageNet has one PNG file named .JPEG; LSUN's values are WebP."""

MAX_BYTES = 64 << 20
"""Of one encoded image of the paper's data sets, and of one whose metadata are left out."""

MAX_PIXELS = 178_956_970
"""Of one picture, unless the configuration says otherwise: from there on Pillow, left alone,
takes a picture for a decompression bomb. As RGB that is 716 MB of memory."""

LONGEST_REASON = 200

BITS_PER_SAMPLE, PHOTOMETRIC, SAMPLE_FORMAT = 258, 262, 339  # tags of TIFF
WHITE_IS_ZERO, SIGNED = 0, 2


class Remark(UserWarning):
    """What is worth knowing of a picture that is used all the same."""


class Loaded(NamedTuple):
    """A decoded picture. raw_mode: how Pillow calls its samples in the file, such as `L;4`.

    bits: of a sample in the file where the mode is one of 16 bits. inverted: whether white is 0.
    orientation: as a camera noted it, 1 to 8.
    """

    picture: Image.Image
    raw_mode: str
    bits: int
    inverted: bool
    orientation: int


class TooLarge(ValueError):
    """More pixels than allowed."""


def load(
    file: str | Path | bytes, formats: tuple[str, ...], max_pixels: int | None = None
) -> Loaded:
    """Decodes the first frame of a picture with the named decoders only.

    Some of Pillow's other decoders start other programs. Metadata that cannot be read are left
    out, with a `Remark`. ValueError where there are more than max_pixels (default `MAX_PIXELS`):
    nothing is decoded then.
    """
    try:
        return _load(file, formats, max_pixels)
    except TooLarge:
        raise
    except Exception as error:
        with _opened(file) as stream:
            data = stream.read(MAX_BYTES + 1)
        if isinstance(error, UnidentifiedImageError) and not starts_as_picture(data[:HEAD_BYTES]):
            raise ValueError(f"none of {FORMAT_NAMES}") from None
        bare = without_metadata(data)
        if bare == data or len(data) > MAX_BYTES:
            raise
        try:
            loaded = _load(bare, formats, max_pixels)
        except Exception:
            raise error from None
        _remark(f"metadata are broken and left out: {reason_of(error)}")
        return loaded


def _load(file: str | Path | bytes, formats: tuple[str, ...], max_pixels: int | None) -> Loaded:
    with (
        _limit(max_pixels),
        _opened(file) as stream,
        Image.open(stream, formats=formats) as picture,
    ):
        _remark_frames(picture)
        raw_mode, bits, inverted = _raw_mode(picture), 16, False
        if picture.format == "TIFF":
            bits, inverted = _tiff_samples(picture)
        picture.load()
        return Loaded(picture, raw_mode, bits, inverted, _orientation(picture))


def _tiff_samples(picture: Image.Image) -> tuple[int, bool]:
    """Bits of a sample, and whether white is 0; both count where the mode is one of 16 bits."""
    if picture.mode == "L" and SIGNED in picture.tag_v2.get(SAMPLE_FORMAT, ()):
        raise ValueError("samples of 8 bits with a sign have no range: save it without")
    # Pillow inverts such pictures of up to 8 bits itself.
    inverted = picture.tag_v2.get(PHOTOMETRIC) == WHITE_IS_ZERO
    return picture.tag_v2.get(BITS_PER_SAMPLE, (1,))[0], inverted


def _opened(file: str | Path | bytes) -> BinaryIO:
    """Opened here: by its path Pillow maps some TIFF files into memory, and takes their rows for
    as long as those of the upright picture."""
    return io.BytesIO(file) if isinstance(file, bytes) else open(file, "rb")


def _orientation(picture: Image.Image) -> int:
    try:
        return picture.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception as error:  # Pillow raises almost anything on damaged EXIF data
        _remark(f"metadata are broken and left out: {reason_of(error)}")
        return 1


def reason_of(error: Exception) -> str:
    """Why a picture was not decoded, on one line and without its path."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, UnidentifiedImageError):  # whose text holds the path
        return "begins as a picture, but is damaged or of a kind that cannot be decoded"
    return " ".join(str(error).split())[:LONGEST_REASON] or type(error).__name__


def _remark(text: str) -> None:
    warnings.warn(Remark(text), stacklevel=3)


def _raw_mode(picture: Image.Image) -> str:
    for tile in getattr(picture, "tile", []):
        arguments = tile[3]
        first = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
        return first if isinstance(first, str) else ""
    return ""


def _remark_frames(picture: Image.Image) -> None:
    """Phones write several views into one JPEG, of which the first is the photograph."""
    try:
        several = picture.format != "MPO" and getattr(picture, "is_animated", False)
    except Exception:  # a second frame that is damaged
        return
    if several:
        _remark("the first of several frames or pages is used")


@contextmanager
def _limit(max_pixels: int | None) -> Iterator[None]:
    """Pillow's own limit, which it checks wherever a header or a frame says a size."""
    before, limit = Image.MAX_IMAGE_PIXELS, max_pixels or MAX_PIXELS
    Image.MAX_IMAGE_PIXELS = limit
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        key = ", the limit max_pixels" if max_pixels else ""  # a key of folders of images only
        raise TooLarge(f"more than {limit} pixels{key}") from None
    finally:
        Image.MAX_IMAGE_PIXELS = before


def decode_rgb(data: bytes | memoryview, size: int, rule: str) -> np.ndarray:
    """Decodes one image of the paper's data sets to uint8 [size, size, 3].

    Equal to torchvision's transforms on `PIL.Image.open(...).convert("RGB")`; see
    `resize_picture` for the rules. Orientation tags and transparency are ignored, as there.
    """
    if len(data) > MAX_BYTES:
        raise ValueError(f"{len(data)} bytes are too many for one image")
    rgb = load(bytes(data), PAPER_FORMATS).picture.convert("RGB")
    return np.asarray(resize_picture(rgb, size, rule, PAPER_FILTER))


def decode_rgb_file(path: str | Path, size: int, rule: str) -> np.ndarray:
    """`decode_rgb` of a file."""
    with open(path, "rb") as file:
        return decode_rgb(file.read(MAX_BYTES + 1), size, rule)
