"""The processes that train one job together, one per GPU; usually one."""

import os
from collections.abc import Iterable, Sequence
from typing import Any

import torch
import torch.distributed as dist


class World:
    """This process among those of the job.

    Every process draws the whole batch and keeps its part, so that the draws do not depend on the
    number of processes; gradients are averaged before each update.
    """

    def __init__(self, rank: int = 0, size: int = 1):
        self.rank, self.size = rank, size

    @classmethod
    def join(cls, device: torch.device) -> "World":
        """Joins the processes that the launcher's environment names; alone where it names none."""
        size = int(os.environ.get("WORLD_SIZE", "1"))
        if size == 1:
            return cls()
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
        return cls(dist.get_rank(), size)

    def leave(self) -> None:
        """Ends the process group, where there is one."""
        if self.size > 1:
            dist.destroy_process_group()

    def parts(self, batch_size: int, micro_batches: int) -> list[slice]:
        """This process's rows of each micro-batch of a batch; the sizes must divide."""
        micro = batch_size // micro_batches
        share = micro // self.size
        starts = (index * micro + self.rank * share for index in range(micro_batches))
        return [slice(start, start + share) for start in starts]

    def average_gradients(self, parameters: Iterable[torch.Tensor]) -> None:
        """Replaces every gradient by its mean over the processes, in one message."""
        if self.size == 1:
            return
        gradients = [each.grad for each in parameters if each.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(flat)
        flat /= self.size
        for gradient, mean in zip(
            gradients, flat.split([g.numel() for g in gradients]), strict=True
        ):
            gradient.copy_(mean.view_as(gradient))

    def mean(self, values: torch.Tensor) -> torch.Tensor:
        """The mean over the processes of a small tensor."""
        if self.size > 1:
            values = values.clone()
            dist.all_reduce(values)
            values /= self.size
        return values

    def agree(self, value: int) -> None:
        """Waits for all processes; RuntimeError where they hold different values."""
        if self.size == 1:
            return
        values = [0] * self.size
        dist.all_gather_object(values, value)
        if len(set(values)) > 1:
            raise RuntimeError(f"the processes of this job differ: {values}")

    def from_first(self, values: Sequence[Any]) -> list[Any]:
        """The first process's values, in every process."""
        box = [list(values)]
        if self.size > 1:
            dist.broadcast_object_list(box, src=0)
        return box[0]
