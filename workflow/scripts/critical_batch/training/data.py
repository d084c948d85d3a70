"""The data that a training draws from."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..data.labels import SampleLabels
from ..data.packed import PackedDataset
from .images import ImageStore


class Images(NamedTuple):
    """Images [b, R * C, H, W] in [-1, 1], real or generated, and their labels [b, R]."""

    images: Tensor
    labels: Tensor


@dataclass(frozen=True)
class TrainingData:
    """Real images, their labels, and the classes that generated images are of.

    labels: int64 [N], on the images' device.
    """

    images: ImageStore
    labels: Tensor
    sample_labels: SampleLabels

    @classmethod
    def of(cls, dataset: PackedDataset, labels: str, device: torch.device) -> "TrainingData":
        """A packed data set on a device. labels: of generated images, data or uniform."""
        return cls(
            ImageStore(dataset.images, device),
            torch.from_numpy(np.array(dataset.labels)).to(device),
            SampleLabels.of(labels, dataset.labels, dataset.manifest["classes"]),
        )

    def batch(self, indices: Tensor, following: Tensor | None = None) -> Images:
        """The real images at indices [b, R], on the CPU, and their labels.

        following: the indices [n] that will be asked for next, for reading ahead.
        """
        flat = indices.reshape(-1)
        pixels = self.images.take(flat, following)
        images = pixels.view(len(indices), -1, *pixels.shape[2:]).float().div_(127.5).sub_(1.0)
        return Images(images, self.labels[flat.to(self.labels.device)].view_as(indices))
