"""Inception V3 with the weights of 2015-12-05, as feature network: the distance is the FID.

The architecture is that of the package pytorch-fid. The published weights are the file
pt_inception-2015-12-05-6726825d.pth of its releases, whose name carries the first digits of its
SHA-256. `random` weights take their place where the numbers are not meant to mean anything, such
as in tests.
"""

import contextlib
import math
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import torch
from pytorch_fid import inception as pytorch_fid
from safetensors import safe_open
from safetensors.torch import save as serialised
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.models import Inception3
from torchvision.models.inception import BasicConv2d

from ...runtime.errors import UserError
from ...runtime.files import atomic_path, sha256
from ...runtime.streams import generator
from .resize import network_input

RANDOM = "random"
PIECES = {"cpu": 20, "cuda": 250}
"""Images that pass the network together. Fixed, because rounding depends on it; both divide the
pieces that generators are evaluated in. More than 20 make a CPU no faster, and cost 20 MB each."""


class Inception(nn.Module):
    """pytorch-fid's Inception up to the last average pooling: 2048 features.

    Takes grey images, whose channel is repeated, and RGB, of any size.
    """

    name = "inception"
    dimensions = 2048

    def __init__(self, state: dict[str, Tensor], resize: str) -> None:
        """state: the network's tensors. resize: as `load_inception` takes it."""
        super().__init__()
        self.resize = resize
        self.network = _architecture()
        self.network.load_state_dict(state)
        self.network.fc = nn.Identity()
        self.eval().requires_grad_(False)
        _fold_normalisation(self.network)
        # Convolutions are about 1.6 times as fast on a CPU with channels last.
        self.network.to(memory_format=torch.channels_last)

    @torch.no_grad()
    def features(self, images: Tensor) -> Tensor:
        """uint8 [n, 1 or 3, H, W] to float32 [n, 2048]; ValueError for another type or shape."""
        if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] not in (1, 3):
            found = f"{images.dtype} {tuple(images.shape)}"
            raise ValueError(f"images are {found}, not torch.uint8 (n, 1 or 3, height, width)")
        pieces = images.split(PIECES[images.device.type])
        with _float32_convolutions():
            return torch.cat([self._piece(piece) for piece in pieces])

    def _piece(self, images: Tensor) -> Tensor:
        inputs = network_input(images, self.resize).expand(-1, 3, -1, -1)
        return self.network(inputs.contiguous(memory_format=torch.channels_last))


@contextlib.contextmanager
def _float32_convolutions() -> Iterator[None]:
    """Without it a GPU rounds the inputs of convolutions to TF32's 10 bits."""
    convolutions = torch.backends.cudnn.conv
    before = convolutions.fp32_precision
    convolutions.fp32_precision = "ieee"
    try:
        yield
    finally:
        convolutions.fp32_precision = before


def _fold_normalisation(network: Inception3) -> None:
    """Multiplies the constants of every BatchNorm into the convolution before it.

    In evaluation mode the two are one linear map; doing it once saves a pass over every map.
    """
    for layer in network.modules():
        if isinstance(layer, BasicConv2d):
            layer.conv = fuse_conv_bn_eval(layer.conv, layer.bn)
            layer.bn = nn.Identity()


def _architecture() -> Inception3:
    """pytorch-fid's network, without the download that its constructor would load weights from."""
    with (
        mock.patch.object(pytorch_fid, "load_state_dict_from_url"),
        mock.patch.object(Inception3, "load_state_dict"),
    ):
        return pytorch_fid.fid_inception_v3()


def random_weights(seed: int) -> dict[str, Tensor]:
    """All tensors of the network, drawn at random, a pure function of the seed.

    Every filter sums to 0 and its variance is 1 / (inputs x Var max(0, z)), z standard normal, so
    that the features of different images differ: with ordinary initial weights the means of the
    ReLUs drown all else in a network this deep.
    """
    source = generator(seed, "inception")
    network = _architecture()
    for parameter in network.parameters():
        if parameter.ndim > 1:
            inputs = parameter[0].numel()
            variance = (math.pi - 1) / (2 * math.pi)
            nn.init.normal_(parameter, std=(inputs * variance) ** -0.5, generator=source)
            parameter.data -= parameter.data.mean(tuple(range(1, parameter.ndim)), keepdim=True)
    nn.init.zeros_(network.fc.bias)
    return network.state_dict()


def save_random_inception(seed: int, path: str | Path) -> None:
    """Writes `random_weights` as safetensors marked as random, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(serialised(random_weights(seed), metadata={"inception": RANDOM}))


def load_inception(path: str | Path, resize: str, weights: str) -> Inception:
    """Reads a file of weights.

    resize: one of `resize.RESIZES`. weights: SHA-256 that the file must have, or `random` for a
    file of `save_random_inception`. UserError if the file is missing, damaged or another one.
    """
    try:
        state = _random_state(path) if weights == RANDOM else _published_state(path, weights)
        return Inception(state, resize)
    except FileNotFoundError:
        raise UserError(
            f"{Path(path).absolute()} is missing: put Inception's weights there, or name their "
            "file in the configuration, inception.weights"
        ) from None
    except UserError:
        raise
    except Exception:  # torch, pickle and safetensors raise almost anything on other files.
        raise UserError(
            f"{path} does not hold Inception's weights: delete it and run again, or name another "
            "file in the configuration, inception.weights"
        ) from None


def _random_state(path: str | Path) -> dict[str, Tensor]:
    with safe_open(path, framework="pt") as file:
        if (file.metadata() or {}).get("inception") != RANDOM:
            raise ValueError("not marked as random")
        names = file.keys()
        return {name: file.get_tensor(name) for name in names}


def _published_state(path: str | Path, expected: str) -> dict[str, Tensor]:
    found = sha256(path)
    if found != expected:
        raise UserError(
            f"{path} has the SHA-256 {found}, not {expected}: use the file with that digest, or "
            "set inception.sha256 in the configuration"
        )
    return torch.load(path, map_location="cpu", weights_only=True)
