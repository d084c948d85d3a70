"""Ordinary PyTorch modules as somebody's package may have them, for `test_plain.py`."""

import torch
from torch import nn


class Generator(nn.Module):
    """Latents [b, 8] (and labels [b]) -> images [b, 1, 16, 16]."""

    def __init__(self, classes=0):
        super().__init__()
        self.embedding = nn.Embedding(classes, 8) if classes else None
        self.layers = nn.Sequential(
            nn.ConvTranspose2d(8, 8, 4, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.ConvTranspose2d(8, 4, 4, 2, 1, bias=False),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.ConvTranspose2d(4, 1, 4, 2, 1),
            nn.Tanh(),
        )
        self.gain = nn.Parameter(torch.ones(()))  # a parameter without axes

    def forward(self, latents, labels=None):
        if labels is not None:
            latents = latents + self.embedding(labels)
        return self.gain * self.layers(latents[:, :, None, None])


class Discriminator(nn.Module):
    """Images [b, 1, 16, 16] (and labels [b]) -> logits [b, 1]."""

    def __init__(self, classes=0, dropout=0.0):
        super().__init__()
        self.first = nn.utils.parametrizations.spectral_norm(nn.Conv2d(1, 4, 4, 2, 1))
        self.norm = nn.GroupNorm(2, 4)
        self.dropout = nn.Dropout(dropout)
        self.last = nn.Linear(4 * 8 * 8, 1)
        self.embedding = nn.Embedding(classes, 4 * 8 * 8) if classes else None

    def forward(self, images, labels=None):
        maps = nn.functional.leaky_relu(self.norm(self.first(images)), 0.2)
        features = self.dropout(maps).flatten(1)
        logits = self.last(features)
        if labels is None:
            return logits
        return logits + (self.embedding(labels) * features).sum(1, keepdim=True)
