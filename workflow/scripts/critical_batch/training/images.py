"""Where the training loop takes its real images from: memory, or the packed file itself."""

from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

_CPU_ROOM = 2 << 30
_GPU_SHARE = 0.6
_PIECE = 4096


class ImageStore:
    """Packed images by index, uint8 [n, C, H, W] on the device, in either of two ways.

    images: uint8 [N, H, W, C], may be a memory map. room: bytes that the whole set may take on
    the device; by default 2 GiB of a CPU's memory, or 60 % of what is free on a GPU. A set that
    fits is copied there once; of a larger one each batch is read from the file, and the next
    batch while the present one is in use.
    """

    def __init__(self, images: np.ndarray, device: torch.device, room: int | None = None):
        self.device, self._count = device, len(images)
        if room is None and device.type == "cuda":
            room = torch.cuda.mem_get_info(device)[0] * _GPU_SHARE
        elif room is None:
            room = _CPU_ROOM
        self._file = images
        self._stored = self._copied() if images.nbytes <= room else None
        self._reader = ThreadPoolExecutor(max_workers=1)
        self._ahead: tuple[bytes, Future] | None = None

    def __len__(self) -> int:
        return self._count

    @property
    def resident(self) -> bool:
        """Whether the whole set lies on the device."""
        return self._stored is not None

    def _copied(self) -> Tensor:
        count, height, width, channels = self._file.shape
        stored = torch.empty(
            (count, channels, height, width), dtype=torch.uint8, device=self.device
        )
        for start in range(0, count, _PIECE):
            piece = torch.from_numpy(np.array(self._file[start : start + _PIECE]))
            stored[start : start + _PIECE] = piece.permute(0, 3, 1, 2)
        return stored

    def take(self, indices: Tensor, following: Tensor | None = None) -> Tensor:
        """The images at indices [n] (on the CPU); following: those that will be asked for next."""
        if self._stored is not None:
            return self._stored.index_select(0, indices.to(self.device))
        key, (ahead, self._ahead) = indices.numpy().tobytes(), (self._ahead, None)
        batch = ahead[1].result() if ahead and ahead[0] == key else self._read(indices)
        if following is not None:
            self._ahead = (following.numpy().tobytes(), self._reader.submit(self._read, following))
        return batch.to(self.device, non_blocking=True)

    def _read(self, indices: Tensor) -> Tensor:
        """Reads in the order of the file, which a disk likes, and hands over as asked."""
        order = np.argsort(indices.numpy(), kind="stable")
        pixels = np.empty((len(order), *self._file.shape[1:]), dtype=np.uint8)
        pixels[order] = self._file[indices.numpy()[order]]
        batch = torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()
        return batch.pin_memory() if self.device.type == "cuda" else batch
