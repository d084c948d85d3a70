"""Resizing to a square, with one filter, described in words for the manifest."""

import numpy as np
from PIL import Image

from ..errors import UserError

FILTER = Image.Resampling.LANCZOS
RULES = ("shortest_side", "squash")


def resize_array(image: np.ndarray, size: int) -> np.ndarray:
    """Resizes uint8 [H, W] to uint8 [size, size] with Pillow's antialiased filter."""
    if image.shape == (size, size):
        return image
    return np.asarray(Image.fromarray(image).resize((size, size), FILTER))


def resize_picture(picture: Image.Image, size: int, rule: str) -> Image.Image:
    """Resizes a picture to size x size pixels by one of `RULES`.

    shortest_side: the shortest side becomes `size`, then the centre is cut out, as torchvision's
        Resize and CenterCrop do.
    squash: both sides become `size`, the aspect ratio is lost.
    Raises ValueError where a picture is so elongated that resizing it would fill the memory.
    """
    if rule == "squash":
        return picture.resize((size, size), FILTER)
    shortest = min(picture.size)
    width, height = (size * side // shortest for side in picture.size)
    if width * height > Image.MAX_IMAGE_PIXELS:
        raise ValueError(f"{picture.width}x{picture.height} pixels are too elongated")
    left, top = round((width - size) / 2), round((height - size) / 2)
    resized = picture.resize((width, height), FILTER)
    return resized.crop((left, top, left + size, top + size))


def describe(size: int, before: str) -> str:
    """The manifest's `resize` text; `before` says what came in, for example "28x28"."""
    after = f"{size}x{size}"
    return "none" if before == after else f"Pillow {FILTER.name} {before} -> {after}"


def image_size(settings: dict) -> int:
    """`settings["image_size"]`, pixels per side; UserError unless it is a positive integer."""
    size = settings.get("image_size")
    if type(size) is not int or size < 1:
        raise UserError(f"datasets.{settings['name']}.image_size: {size!r} is not a size in pixels")
    return size
