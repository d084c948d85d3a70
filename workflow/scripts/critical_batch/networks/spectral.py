"""Spectrally normalised layers with R replicas, counted as in BigGAN's code.

Each forward pass makes one power iteration; it is kept in training mode only. The iterates carry
no gradient, the norm estimate does (Miyato et al. 2018; github.com/ajbrock/BigGAN-PyTorch).
"""

import torch
from torch import Tensor, nn

from .convolution import conv2d

_EPS = 1e-6


class SpectralWeight(nn.Module):
    """A weight [R, out, ...] whose matrices [out, rest] are divided by their spectral norm."""

    def __init__(self, replicas: int, *shape: int):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(replicas, *shape))
        self.register_buffer("left", torch.empty(replicas, shape[0], 1))

    def normalised(self) -> Tensor:
        """The weight divided by its norm estimate, [R, out, ...]."""
        matrix = self.weight.flatten(2)
        with torch.no_grad():
            right = matrix.mT @ self.left
            right /= _length(right)
        image = matrix @ right
        # With left = image / |image|, the estimate left^T W right is |image|, gradient included.
        norm = _length(image)
        if self.training:
            self.left.copy_((image / norm).detach())
        return self.weight / norm.view(-1, *[1] * (self.weight.dim() - 1))

    def initialise(self, replica: int, random: torch.Generator) -> None:
        """Orthogonal weight; random start of the power iteration."""
        nn.init.orthogonal_(self.weight.data[replica], generator=random)
        self.left[replica].normal_(generator=random)


def _length(vectors: Tensor) -> Tensor:
    """Euclidean norm of vectors [R, n, 1], as [R, 1, 1] and not below _EPS."""
    return torch.linalg.vector_norm(vectors, dim=1, keepdim=True).clamp_min(_EPS)


class Conv2d(SpectralWeight):
    """R convolutions with stride 1; weight [R, out, in, k, k], bias [R, out] or None."""

    def __init__(self, replicas, inputs, outputs, kernel, bias=True):
        super().__init__(replicas, outputs, inputs, kernel, kernel)
        self.bias = nn.Parameter(torch.zeros(replicas, outputs)) if bias else None
        self.padding = kernel // 2

    def forward(self, x: Tensor) -> Tensor:
        return conv2d(x, self.normalised(), self.bias, padding=self.padding)


class Linear(SpectralWeight):
    """R linear maps [b, R, in] -> [b, R, out]."""

    def __init__(self, replicas, inputs, outputs, bias=True):
        super().__init__(replicas, outputs, inputs)
        self.bias = nn.Parameter(torch.zeros(replicas, outputs)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        y = torch.bmm(x.transpose(0, 1), self.normalised().mT).transpose(0, 1)
        return y if self.bias is None else y + self.bias


class Embedding(SpectralWeight):
    """R tables [classes, width]: labels [b, R] -> rows [b, R, width]."""

    def __init__(self, replicas, classes, width):
        super().__init__(replicas, classes, width)

    def forward(self, labels: Tensor) -> Tensor:
        return lookup(self.normalised(), labels)


def lookup(tables: Tensor, labels: Tensor) -> Tensor:
    """Rows [b, R, width] of each replica's own table; tables [R, classes, width], labels [b, R]."""
    return tables[torch.arange(len(tables), device=labels.device), labels]
