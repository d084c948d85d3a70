"""From floating-point images to the 256 levels that a feature network sees.

Two pixel maps:
    fixed    -1 is level 0 and 1 is level 255, for every image.
    stretch  each image's own minimum is level 0 and its own maximum is level 255, as the paper's
             code does through torchvision's save_image(normalize=True), one image at a time.
Both round to the nearest level, as save_image does. NaN has no level: look for it before.
"""

from pathlib import Path

import torch
from PIL import Image

from ..runtime.files import atomic_path

PIXEL_MAPS = ("fixed", "stretch")


def to_uint8(images: torch.Tensor, pixel_map: str) -> torch.Tensor:
    """float [n, C, H, W], in [-1, 1] for `fixed`, to uint8 [n, C, H, W]."""
    if pixel_map == "fixed":
        return (images * 127.5 + 128).clamp(0, 255).to(torch.uint8)
    if pixel_map == "stretch":
        low = images.amin(dim=(1, 2, 3), keepdim=True)
        high = images.amax(dim=(1, 2, 3), keepdim=True)
        unit = (images - low) / (high - low).clamp(min=1e-5)
        return (unit * 255 + 0.5).to(torch.uint8)
    raise ValueError(f"pixel map {pixel_map!r} is not one of {', '.join(PIXEL_MAPS)}")


def map_real(images: torch.Tensor, pixel_map: str) -> torch.Tensor:
    """uint8 [n, C, H, W] to uint8 [n, C, H, W]: what `to_uint8` makes of real images in [-1, 1].

    `fixed` leaves them as they are.
    """
    if pixel_map == "fixed":
        return images
    # Written as torchvision's ToTensor and Normalize(0.5, 0.5), so that ties round alike.
    return to_uint8((images.float() / 255 - 0.5) / 0.5, pixel_map)


def write_grid(path: str | Path, images: torch.Tensor, columns: int) -> None:
    """Writes uint8 [n, C, H, W] (C is 1 or 3) as one image file, row by row, atomically.

    Images touch, so that `figures.tiles` can cut them apart again; places left over are white.
    """
    count, channels, height, width = images.shape
    rows = -(-count // columns)
    grid = torch.full((rows * height, columns * width, channels), 255, dtype=torch.uint8)
    for index, image in enumerate(images.cpu().permute(0, 2, 3, 1)):
        top, left = index // columns * height, index % columns * width
        grid[top : top + height, left : left + width] = image
    with atomic_path(path) as temporary:
        Image.fromarray(grid.squeeze(2).numpy()).save(temporary)
