"""What Inception sees: images resized to 299 x 299 and scaled, in one of three conventions.

    pytorch_fid  bilinear between pixel centres, then 2 x - 1 on [0, 1] (pytorch-fid).
    clean        bicubic, widened where it shrinks an image (Pillow, and with it clean-fid), not
                 rounded to levels, clipped to [0, 255], then (x - 128) / 128.
    tensorflow   bilinear, the first output pixel on the first input pixel (TensorFlow 1, and with
                 it the network of Heusel et al. and torch-fidelity), then (x - 128) / 128.

Every one is linear in the rows and in the columns: out = W x W^T with a constant matrix W.
"""

from functools import cache

import torch
from torch import Tensor

RESIZES = ("pytorch_fid", "clean", "tensorflow")
SIZE = 299


def network_input(images: Tensor, resize: str) -> Tensor:
    """uint8 [n, C, H, W] to float32 [n, C, 299, 299], about in [-1, 1].

    resize: one of `RESIZES`.
    """
    rows, columns = (resize_matrix(resize, side).to(images.device) for side in images.shape[2:])
    pixels = (rows @ (images.double() @ columns.T)).float()
    if resize == "pytorch_fid":
        return pixels / 127.5 - 1
    if resize == "clean":
        pixels = pixels.clamp(0, 255)
    return (pixels - 128) / 128


@cache
def resize_matrix(resize: str, side: int) -> Tensor:
    """W: float64 [299, side] on the CPU, of rows that sum to 1; not to be changed.

    Row i holds the weights of the input pixels in output pixel i. ValueError for a convention that
    is not one of `RESIZES`.
    """
    step = side / SIZE
    outputs = torch.arange(SIZE, dtype=torch.float64).unsqueeze(1)
    inputs = torch.arange(side, dtype=torch.float64)
    if resize == "clean":
        weights = _keys((inputs - _centres(outputs, step)) / max(step, 1))
        weights = weights / weights.sum(1, keepdim=True)
    elif resize in RESIZES:
        source = _centres(outputs, step) if resize == "pytorch_fid" else outputs * step
        weights = (1 - (inputs - source.clamp(0, side - 1)).abs()).clamp(min=0)
    else:
        raise ValueError(f"resize {resize!r} is not one of {', '.join(RESIZES)}")
    return weights


def _centres(outputs: Tensor, step: float) -> Tensor:
    """Where the centres of output pixels lie, in input pixels: both count from half a pixel."""
    return (outputs + 0.5) * step - 0.5


def _keys(distance: Tensor) -> Tensor:
    """Bicubic kernel with a = -1/2, which is Pillow's.

    Keys, "Cubic convolution interpolation for digital image processing" (1981), equation 15.
    """
    x = distance.abs()
    near = (1.5 * x - 2.5) * x**2 + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return torch.where(x < 1, near, torch.where(x < 2, far, 0))
