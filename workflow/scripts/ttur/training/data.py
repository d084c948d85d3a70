"""The data that a training draws from."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..data.packed import PackedDataset
from .images import ImageStore
from .labels import SampleLabels


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
