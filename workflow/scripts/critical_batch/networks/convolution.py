"""Convolutions of R replicas at once, each in the form that is fastest for its shape.

All forms are the same sum in another order, equal up to rounding. A grouped convolution is what
libraries are made for; but where a map is a single point, a kernel a single tap, or a replica's
image a single channel, the sum is a matrix product, which on a CPU is 2 to 8 times faster
(docs/performance.md).
"""

import torch
from torch import Tensor
from torch.nn import functional as F


def conv2d(x: Tensor, weight: Tensor, bias: Tensor | None, stride=1, padding=0) -> Tensor:
    """R convolutions of x [b, R * in, H, W] with weight [R, out, in, k, k], bias [R, out] or None.

    Returns [b, R * out, H', W'].
    """
    _, outputs, inputs, kernel, _ = weight.shape
    if x.shape[2:] == weight.shape[3:] and not padding:
        y = _at_one_point(x, weight.flatten(2).transpose(1, 2))
    elif not _as_products(x):
        return _grouped(x, weight, bias, stride, padding)
    elif kernel == 1 and stride == 1 and not padding:
        y = _per_replica(weight.flatten(2), x)
    elif inputs == 1:
        taps = F.unfold(x, kernel, padding=padding, stride=stride)
        side = (x.shape[2] + 2 * padding - kernel) // stride + 1
        y = _per_replica(weight.flatten(2), taps.unflatten(2, (side, -1)))
    elif outputs == 1 and stride == 1 and 2 * padding == kernel - 1:
        # A convolution that keeps the side is a transposed one with the kernel turned round.
        y = conv_transpose2d(x, weight.flip(3, 4).transpose(1, 2), 1, padding)
    else:
        return _grouped(x, weight, bias, stride, padding)
    return y if bias is None else y + bias.view(-1, 1, 1)


def conv_transpose2d(x: Tensor, weight: Tensor, stride=1, padding=0) -> Tensor:
    """R transposed convolutions of x [b, R * in, H, W] with weight [R, in, out, k, k]."""
    replicas, _, outputs, kernel, _ = weight.shape
    if x.shape[2:] == (1, 1) and not padding:
        y = _at_one_point(x, weight.flatten(2))
        return y.view(len(x), replicas * outputs, kernel, kernel)
    if outputs == 1 and _as_products(x):
        taps = _per_replica(weight.flatten(2).transpose(1, 2), x).flatten(2)
        side = [(length - 1) * stride - 2 * padding + kernel for length in x.shape[2:]]
        return F.fold(taps, side, kernel, padding=padding, stride=stride)
    return F.conv_transpose2d(x, weight.flatten(0, 1), None, stride, padding, groups=replicas)


def _grouped(x: Tensor, weight: Tensor, bias: Tensor | None, stride, padding) -> Tensor:
    bias = None if bias is None else bias.flatten()
    return F.conv2d(x, weight.flatten(0, 1), bias, stride, padding, groups=len(weight))


def _as_products(x: Tensor) -> bool:
    """Whether a matrix product may stand for a grouped convolution: on a CPU, channels first.

    Shapes without data (the meta device) go the CPU's way, which takes more memory.
    """
    return x.device.type in ("cpu", "meta") and x.is_contiguous()


def _at_one_point(x: Tensor, matrix: Tensor) -> Tensor:
    """x [b, R * ..., H, W] as vectors times matrix [R, n, m]: [b, R * m, 1, 1]."""
    vectors = x.reshape(len(x), len(matrix), -1).transpose(0, 1)
    return torch.bmm(vectors, matrix).transpose(0, 1).reshape(len(x), -1, 1, 1)


def _per_replica(matrix: Tensor, maps: Tensor) -> Tensor:
    """matrix [R, m, n] times the channels of maps [b, R * n, H, W]: [b, R * m, H, W]."""
    split = maps.reshape(len(maps), len(matrix), -1, maps.shape[2] * maps.shape[3])
    return torch.matmul(matrix, split).view(len(maps), -1, *maps.shape[2:])
