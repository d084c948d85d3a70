"""A small classifier of the data set itself, as feature network.

Its distance is called classifier-FID, never FID: the numbers of different data sets, seeds and
networks cannot be compared.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as serialised
from torch import nn
from torch.nn import functional

from ...runtime.errors import UserError
from ...runtime.files import atomic_path
from ...runtime.streams import generator
from ..frechet import Moments

WIDTHS = (16, 32, 64)
POOLED = 2
CHUNK_PIXELS = 1 << 18
BATCH_SIZE = 128
RATE = 6e-3
HELD_OUT = 0.1
INIT, SPLIT, ORDER = range(3)


class Classifier(nn.Module):
    """Three 3x3 convolutions of stride 2 with ReLU, average pooling to 2x2, a linear layer to 64
    features, ReLU, a linear layer to the classes.

    The features are taken before their ReLU, so that they are closer to normal, and standardised:
    over the training images each has mean 0 and variance 1. Takes images of any size; `features`
    insists on the size it was trained on.
    """

    name = "classifier"
    dimensions = 64

    def __init__(self, image_size: int, channels: int, classes: int) -> None:
        super().__init__()
        self.image_size, self.channels, self.classes = image_size, channels, classes
        inputs = (channels, *WIDTHS[:-1])
        self.convolutions = nn.ModuleList(
            nn.Conv2d(before, after, 3, stride=2, padding=1)
            for before, after in zip(inputs, WIDTHS, strict=True)
        )
        self.linear = nn.Linear(WIDTHS[-1] * POOLED**2, self.dimensions)
        self.head = nn.Linear(self.dimensions, classes)
        self.register_buffer("feature_mean", torch.zeros(self.dimensions))
        self.register_buffer("feature_deviation", torch.ones(self.dimensions))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """uint8 [n, C, H, W] to logits [n, classes]."""
        return self.head(functional.relu(self._raw_features(images)))

    @torch.no_grad()
    def features(self, images: torch.Tensor) -> torch.Tensor:
        """uint8 [n, C, H, W] to float32 [n, 64]; ValueError for another type or shape."""
        shape = (self.channels, self.image_size, self.image_size)
        if images.dtype != torch.uint8 or images.shape[1:] != shape:
            found = f"{images.dtype} {tuple(images.shape[1:])}"
            raise ValueError(f"images are {found}, not torch.uint8 {shape}")
        chunks = images.split(max(1, CHUNK_PIXELS // self.image_size**2))
        raw = torch.cat([self._raw_features(chunk) for chunk in chunks])
        return (raw - self.feature_mean) / self.feature_deviation

    def _raw_features(self, images: torch.Tensor) -> torch.Tensor:
        hidden = images.float() / 127.5 - 1
        for convolution in self.convolutions:
            hidden = functional.relu(convolution(hidden))
        if hidden.shape[2] != POOLED:  # pooling 2 x 2 to 2 x 2 changes nothing, but takes its time
            hidden = functional.adaptive_avg_pool2d(hidden, POOLED)
        return self.linear(hidden.flatten(1))


def train_classifier(
    images: np.ndarray, labels: np.ndarray, classes: int, seed: int, epochs: int
) -> tuple[Classifier, float]:
    """Trains on a random 90 % of the images; returns the network and its accuracy on the rest.

    images: uint8 [N, H, W, C], may be a memory map. labels: int64 [N] in 0..classes - 1.
    Adam under a one-cycle schedule. A pure function of its arguments on one machine and one
    number of threads. Raises ValueError below two classes or ten images.
    """
    held_out = int(HELD_OUT * len(images))
    if classes < 2 or not held_out:
        raise ValueError(f"{classes} classes and {len(images)} images are too few to classify")
    order = _permutation(len(images), generator(seed, "classifier", SPLIT))
    test, train = np.sort(order[:held_out]), np.sort(order[held_out:])
    _, height, _, channels = images.shape
    network = _initialised(Classifier(height, channels, classes), seed)
    _fit(network, images, labels, train, seed, epochs)
    _standardise(network, images, train)
    right = sum(
        int((network(batch).argmax(1) == target).sum())
        for batch, target in _batches(images, labels, test)
    )
    return network.eval(), right / held_out


def _fit(network, images, labels, train, seed, epochs) -> None:
    batch_size = min(BATCH_SIZE, len(train))
    steps = len(train) // batch_size
    optimizer = torch.optim.Adam(network.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=epochs * steps)
    for epoch in range(epochs):
        order = train[_permutation(len(train), generator(seed, "classifier", ORDER, epoch))]
        for batch, target in _batches(images, labels, order[: steps * batch_size], batch_size):
            optimizer.zero_grad()
            functional.cross_entropy(network(batch), target).backward()
            optimizer.step()
            schedule.step()
    network.requires_grad_(False)


def _standardise(network, images, train) -> None:
    moments = Moments(network.dimensions)
    for start in range(0, len(train), BATCH_SIZE):
        moments.update(network.features(_tensor(images[train[start : start + BATCH_SIZE]])))
    network.feature_mean.copy_(moments.mean)
    network.feature_deviation.copy_(moments.covariance.diagonal().sqrt().clamp(min=1e-6))


def _initialised(network: Classifier, seed: int) -> Classifier:
    """He initialisation from the classifier's own stream, biases 0."""
    source = generator(seed, "classifier", INIT)
    for name, parameter in network.named_parameters():
        if name.endswith("bias"):
            nn.init.zeros_(parameter)
        else:
            nn.init.kaiming_uniform_(parameter, nonlinearity="relu", generator=source)
    return network


def _batches(images, labels, indices, batch_size=BATCH_SIZE):
    for start in range(0, len(indices), batch_size):
        chosen = indices[start : start + batch_size]
        yield _tensor(images[chosen]), torch.from_numpy(labels[chosen])


def _tensor(images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(images).permute(0, 3, 1, 2)


def _permutation(count: int, source: torch.Generator) -> np.ndarray:
    return torch.randperm(count, generator=source).numpy()


def save_classifier(network: Classifier, path: str | Path) -> None:
    """Writes the weights as safetensors, atomically; the same network gives the same bytes."""
    shape = {name: getattr(network, name) for name in ("image_size", "channels", "classes")}
    with atomic_path(path) as temporary:
        state = {name: value.contiguous() for name, value in network.state_dict().items()}
        shape["sha256"] = _digest(state)
        # One key only: safetensors does not keep the order of several.
        temporary.write_bytes(serialised(state, metadata={"classifier": json.dumps(shape)}))


def _digest(state: dict[str, torch.Tensor]) -> str:
    """SHA-256 of the tensors, by name: safetensors itself has no checksum."""
    digest = hashlib.sha256()
    for name in sorted(state):
        digest.update(name.encode())
        digest.update(state[name].numpy().tobytes())
    return digest.hexdigest()


def load_classifier(path: str | Path) -> Classifier:
    """Reads what `save_classifier` wrote; UserError if the file is missing or damaged."""
    try:
        with safe_open(path, framework="pt") as file:
            shape = json.loads(file.metadata()["classifier"])
            network = Classifier(shape["image_size"], shape["channels"], shape["classes"])
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            if shape["sha256"] != _digest(state):
                raise ValueError("a tensor has changed")
            network.load_state_dict(state)
    except FileNotFoundError:
        raise UserError(f"{path} is missing: run the rule that makes it") from None
    except (SafetensorError, OSError, RuntimeError, ValueError, KeyError, TypeError):
        raise UserError(f"{path} is not a classifier's weights: delete it and run again") from None
    return network.eval().requires_grad_(False)
