"""Resizing to a square, described in words for the manifest."""

import numpy as np
from PIL import Image

FILTER = Image.Resampling.LANCZOS
"""The filter of built-in data sets and image folders."""

PAPER_FILTER = Image.Resampling.BILINEAR
"""The filter of the paper's data sets: the default of torchvision's Resize."""

RULES = {
    "shortest_side": "shortest side, centre crop",
    "squash": "squashed",
    "centre_square": "centre square",
}
"""Rule -> what the manifest calls it."""


def resize_array(image: np.ndarray, size: int) -> np.ndarray:
    """Resizes uint8 [H, W] to uint8 [size, size, 1] with Pillow's antialiased filter."""
    if image.shape != (size, size):
        image = np.asarray(Image.fromarray(image).resize((size, size), FILTER))
    return image[..., None]


def resize_picture(
    picture: Image.Image, size: int, rule: str, filter: Image.Resampling = FILTER
) -> Image.Image:
    """Resizes a picture to size x size pixels by one of `RULES`.

    shortest_side: the shortest side becomes `size`, then the centre is cut out, as torchvision's
        Resize(size) and CenterCrop(size) do.
    squash: both sides become `size`, the aspect ratio is lost: Resize([size, size]).
    centre_square: the largest square in the centre is cut out, then resized, as BigGAN's code
        prepares ImageNet (https://github.com/ajbrock/BigGAN-PyTorch, CenterCropLongEdge).
    Raises ValueError where a picture is so elongated that resizing it would fill the memory.
    """
    if rule == "squash":
        return picture.resize((size, size), filter)
    shortest = min(picture.size)
    if rule == "centre_square":
        return _centre(picture, shortest).resize((size, size), filter)
    width, height = (size * side // shortest for side in picture.size)
    if width * height > Image.MAX_IMAGE_PIXELS:
        raise ValueError(f"{picture.width}x{picture.height} pixels are too elongated")
    return _centre(picture.resize((width, height), filter), size)


def _centre(picture: Image.Image, side: int) -> Image.Image:
    left, top = round((picture.width - side) / 2), round((picture.height - side) / 2)
    return picture.crop((left, top, left + side, top + side))


def describe(size: int, before: str, filter: Image.Resampling = FILTER) -> str:
    """The manifest's `resize` text; `before` says what came in, "28x28" or one of `RULES`."""
    before, after = RULES.get(before, before), f"{size}x{size}"
    return "none" if before == after else f"Pillow {filter.name} {before} -> {after}"
