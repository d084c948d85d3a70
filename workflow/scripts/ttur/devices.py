"""Opening the device a job computes on."""

import os

import torch

from .errors import UserError


def device_name(device: torch.device) -> str:
    """The GPU's name, or cpu."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


def open_device(name: str) -> torch.device:
    """`cpu` or `cuda`; UserError where a GPU is asked for and torch sees none."""
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
