"""A DCGAN training loop as tutorials write it: torch's layers, a DataLoader, two Adams."""

from itertools import pairwise

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def generator(latent: int, width: int, image_size: int, channels: int) -> nn.Sequential:
    hidden = image_size.bit_length() - 3
    widths = [width * 2**k for k in reversed(range(hidden))]
    layers = [nn.ConvTranspose2d(latent, widths[0], 4, 1, 0, bias=False)]
    for inputs, outputs in zip(widths, [*widths[1:], channels], strict=True):
        layers += [
            nn.BatchNorm2d(inputs),
            nn.ReLU(True),
            nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False),
        ]
    return nn.Sequential(*layers, nn.Tanh())


def discriminator(width: int, image_size: int, channels: int) -> nn.Sequential:
    widths = [width * 2**k for k in range(image_size.bit_length() - 3)]
    layers = [nn.Conv2d(channels, widths[0], 4, 2, 1, bias=False), nn.LeakyReLU(0.2, True)]
    for inputs, outputs in pairwise(widths):
        layers += [
            nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.LeakyReLU(0.2, True),
        ]
    return nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 4, 1, 0, bias=False), nn.Sigmoid())


class Loop:
    """One call is one step: the discriminator on real, then generated images, the generator."""

    def __init__(self, images: torch.Tensor, batch_size: int, latent: int, width: int):
        """images: uint8 [N, C, H, W]."""
        channels, image_size = images.shape[1:3]
        scaled = images.float() / 127.5 - 1
        self._loader = DataLoader(TensorDataset(scaled), batch_size, shuffle=True, drop_last=True)
        self._batches = iter(self._loader)
        self._generator = generator(latent, width, image_size, channels)
        self._discriminator = discriminator(width, image_size, channels)
        self._latent, self._loss = latent, nn.BCELoss()
        self._optimizers = [
            torch.optim.Adam(network.parameters(), lr=0.0002, betas=(0.5, 0.999))
            for network in (self._discriminator, self._generator)
        ]

    def _next(self) -> torch.Tensor:
        try:
            return next(self._batches)[0]
        except StopIteration:
            self._batches = iter(self._loader)
            return next(self._batches)[0]

    def __call__(self) -> tuple[float, float]:
        real = self._next()
        ones, zeros = torch.ones(len(real)), torch.zeros(len(real))
        self._discriminator.zero_grad()
        loss_real = self._loss(self._discriminator(real).view(-1), ones)
        loss_real.backward()
        fake = self._generator(torch.randn(len(real), self._latent, 1, 1))
        loss_fake = self._loss(self._discriminator(fake.detach()).view(-1), zeros)
        loss_fake.backward()
        self._optimizers[0].step()
        self._generator.zero_grad()
        loss = self._loss(self._discriminator(fake).view(-1), ones)
        loss.backward()
        self._optimizers[1].step()
        return (loss_real + loss_fake).item(), loss.item()
