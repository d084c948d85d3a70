"""A decoded picture of any mode as it is packed: upright, on white, grey or RGB of 8 bits."""

import warnings

import numpy as np
from PIL import Image

from .pictures import Loaded

WHOLE_RANGE = 16
"""Bits that samples of 16 bits are taken to use, unless the configuration says fewer."""

_TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""Orientation that a camera noted -> what undoes it."""

_SAMPLE_STEPS = {"L;2": 85, "L;4": 17}
"""What Pillow multiplies grey samples of few bits with, but not the transparent one's value."""


class SixteenBits(UserWarning):
    """highest: largest sample of a picture whose file holds 16 bits per sample."""

    def __init__(self, highest: int):
        super().__init__(f"16 bits per sample, the highest {highest}")
        self.highest = highest


def flattened(loaded: Loaded, mode: str, bits: int | None = None) -> Image.Image:
    """The picture in mode `L` or `RGB`.

    bits: how many of 16 bits of grey samples are used, counted from the lowest; by default all.
    Warns of `SixteenBits`. ValueError where samples have no range or exceed the bits.
    """
    picture = loaded.picture
    if loaded.orientation in _TRANSPOSITIONS:
        picture = picture.transpose(_TRANSPOSITIONS[loaded.orientation])
    if picture.mode in ("I", "F"):
        raise ValueError(
            f"samples of mode {picture.mode} (32 bits, or with a sign) have no range: "
            "save it with 8 or 16 bits"
        )
    if picture.mode.startswith("I;16"):
        picture = _of_grey_16(picture, loaded, bits)
    elif ";16" in loaded.raw_mode:
        picture = _of_colour_16(picture, bits)
    elif loaded.raw_mode in _SAMPLE_STEPS and "transparency" in picture.info:
        picture.info["transparency"] *= _SAMPLE_STEPS[loaded.raw_mode]
    if picture.has_transparency_data:
        picture = _on_white(picture)
    if picture.mode == "LAB":  # which Pillow converts to no other mode
        picture = picture.convert("RGB")
    return picture.convert(mode)


def _of_grey_16(picture: Image.Image, loaded: Loaded, bits: int | None) -> Image.Image:
    """Mode L, or LA where one value is transparent."""
    values = np.asarray(picture)
    highest, used = int(values.max()), loaded.bits
    if used == WHOLE_RANGE:
        warnings.warn(SixteenBits(highest), stacklevel=3)
        used = bits or WHOLE_RANGE
    if highest >> used:
        raise ValueError(f"a sample of {highest}, above the {2**used - 1} of {used} bits")
    alpha = values != picture.info.get("transparency", -1)
    if loaded.inverted:
        values = 2**used - 1 - values
    grey = Image.fromarray((values >> (used - 8)).astype(np.uint8))
    if alpha.all():
        return grey
    return Image.merge("LA", (grey, Image.fromarray(np.where(alpha, 255, 0).astype(np.uint8))))


def _of_colour_16(picture: Image.Image, bits: int | None) -> Image.Image:
    """The same picture: Pillow keeps the upper 8 bits, to which a transparent colour must fit."""
    if bits not in (None, WHOLE_RANGE):
        raise ValueError(
            "colours of 16 bits per sample, or grey with alpha, of which the upper 8 are read "
            "whatever `bits` says: "
            "save it with 8 bits"
        )
    if "transparency" in picture.info:
        picture.info["transparency"] = tuple(v >> 8 for v in picture.info["transparency"])
    if picture.mode in ("LA", "RGB", "RGBA"):
        highest = max(high for _, high in picture.convert("RGB").getextrema())
        warnings.warn(SixteenBits(highest << 8 | 255), stacklevel=3)
    return picture


def _on_white(picture: Image.Image) -> Image.Image:
    if picture.mode == "La":  # which Pillow converts to LA only
        picture = picture.convert("LA")
    picture = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)


def dark_pictures(name: str, highest: int) -> str | None:
    """What to do where no sample of 16 bits uses the upper half of its range; None where one does.

    name: of the data set. highest: the largest sample of all its pictures of 16 bits.
    """
    used = max(8, highest.bit_length())
    if used >= WHOLE_RANGE:
        return None
    return (
        f"datasets.{name}: the samples of its 16-bit pictures are 0 to {highest} of 65535, which "
        f"is the range of {used} bits, and become 0 to {highest >> 8} of 255: if {used} bits were "
        f"recorded set datasets.{name}.bits to {used} (grey pictures) or save them with 8 bits "
        "(colour); if they are dark set bits to 16"
    )
