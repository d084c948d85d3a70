"""Opening the device a job computes on."""

import os

import torch

from .errors import UserError
from .gpu_slots import take_gpus


def device_name(device: torch.device) -> str:
    """The GPU's name, or cpu."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


def set_precision(precision: str) -> None:
    """fp32 and bf16: no TensorFloat-32 in what stays fp32; tf32: in convolutions and products.

    For the whole process. PyTorch lets convolutions use TensorFloat-32 unless told otherwise.
    """
    mode = "tf32" if precision == "tf32" else "ieee"
    torch.backends.cudnn.conv.fp32_precision = mode
    torch.backends.cuda.matmul.fp32_precision = mode


def open_device(name: str) -> torch.device:
    """`cpu`, or a GPU of this process's own; UserError where one is asked for and torch sees none.

    To be called before anything else uses CUDA.
    """
    if name == "cuda" and "LOCAL_RANK" not in os.environ:  # the launcher's processes have theirs
        take_gpus(1)
    if name == "cuda" and not torch.cuda.is_available():
        build = "a CPU-only build" if torch.version.cuda is None else "built for CUDA"
        raise UserError(
            f"device: cuda, but torch {torch.__version__} ({build}) sees no GPU: "
            "set device: cpu in the configuration, or run on a machine with a working driver"
        )
    if name == "cuda":  # the launcher of several processes gives each its own
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        return torch.device("cuda", torch.cuda.current_device())
    return torch.device(name)
