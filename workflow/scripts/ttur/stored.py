"""The generators that a training job left behind, ready to be sampled."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import nn

from .errors import UserError
from .networks import build
from .networks.replicated import load_replica


def load_generators(
    path: str | Path,
    record: Mapping[str, Any],
    manifest: Mapping[str, Any],
    seeds: Sequence[int],
    device: torch.device,
) -> nn.Module:
    """The final generators of `seeds`, one replica each, in that order.

    path: generators.safetensors of the job; only the tensors of these seeds are read. record: its
    run.json. manifest: that of its data set. Raises UserError where they do not fit together.
    """
    size, channels, classes = (manifest[key] for key in ("height", "channels", "classes"))
    generator, _ = build(record["settings"]["networks"], size, channels, classes, seeds)
    with safe_open(path, "pt") as tensors:
        names = list(tensors.keys())
        for replica, seed in enumerate(seeds):
            prefix = f"{seed}."
            state = {
                name.removeprefix(prefix): tensors.get_tensor(name)
                for name in names
                if name.startswith(prefix)
            }
            try:
                load_replica(generator, replica, state)
            except (KeyError, RuntimeError):
                raise UserError(
                    f"{path} does not fit the run.json beside it: delete both and run again"
                ) from None
    return generator.to(device)
