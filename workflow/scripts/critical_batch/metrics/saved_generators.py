"""The generators that a training job left behind, ready to be sampled."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from ..data.shape import ImageShape
from ..networks.build import build
from ..networks.kinds import in_one_network
from ..networks.replicated import Apart, load_replica
from ..runs.record import check_beside
from ..runtime.errors import UserError


def load_generators(
    path: Path,
    run: Path,
    record: Mapping[str, Any],
    manifest: Mapping[str, Any],
    seeds: Sequence[int],
    device: torch.device,
) -> nn.Module:
    """The final generators of `seeds`, one replica each, in that order.

    path: generators.safetensors of the job; only the tensors of these seeds are read. run: its
    run.json, and record what that holds. manifest: that of its data set. Returns an `Apart` where a
    network holds one seed. Raises UserError where the generators are missing, damaged or do not fit
    together with the others.
    """
    if path == run.with_name(path.name):
        check_beside(run, record, path.name)
    networks, shape = record["settings"]["networks"], ImageShape.of(manifest)
    generators = [build(networks, shape, part)[0] for part in in_one_network(networks, seeds)]
    generator = generators[0] if len(generators) == 1 else Apart(generators)
    stored = _tensors(path, run, seeds)
    for replica, seed in enumerate(seeds):
        prefix = f"{seed}."
        state = {k.removeprefix(prefix): v for k, v in stored.items() if k.startswith(prefix)}
        try:
            load_replica(generator, replica, state)
        except (KeyError, RuntimeError):
            raise UserError(f"{path} does not fit {run}: delete both and run again") from None
    return generator.to(device)


def _tensors(path: Path, run: Path, seeds: Sequence[int]) -> dict[str, torch.Tensor]:
    prefixes = tuple(f"{seed}." for seed in seeds)
    try:
        with safe_open(path, "pt") as file:
            names = [name for name in file.keys() if name.startswith(prefixes)]  # noqa: SIM118
            return {name: file.get_tensor(name) for name in names}
    except FileNotFoundError:
        raise UserError(f"{path} is missing: delete {run} and run again") from None
    except (SafetensorError, OSError, ValueError) as error:
        text = " ".join(str(error).split())
        raise UserError(f"{path} is damaged ({text}): delete it and run again") from None
