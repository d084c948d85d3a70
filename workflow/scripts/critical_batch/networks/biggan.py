"""BigGAN (Brock et al. 2019), class-conditional, with hierarchical latents and shared embedding.

At 128 pixels, width 96, latent 120, embedding 128, attention at 64 and 1,000 classes these are the
networks of section 4.3: 70,433,988 generator and 87,982,370 discriminator parameters. Layouts of
32 pixels and more are those of the authors' BigGAN code; 8 and 16 pixels continue them downwards
and are ours.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..data.shape import ImageShape
from .kinds.biggan import Settings
from .replicated import BatchNorm2d, Network, RunningNorm
from .spectral import Conv2d, Embedding, Linear, lookup

# Channels in units of the width: the generator's from 4 x 4 up, the discriminator's after each of
# its blocks, and how many of the discriminator's blocks halve the side.
_LAYOUTS = {
    8: ([4, 4], [4, 4], 1),
    16: ([4, 4, 4], [4, 4, 4], 1),
    32: ([4, 4, 4, 4], [4, 4, 4, 4], 2),
    64: ([16, 16, 8, 4, 2], [1, 2, 4, 8, 16], 4),
    128: ([16, 16, 8, 4, 2, 1], [1, 2, 4, 8, 16, 16], 5),
    256: ([16, 16, 8, 8, 4, 2, 1], [1, 2, 4, 8, 8, 16, 16], 6),
}


def latent_slots(image_size: int) -> int:
    """Into how many equal pieces the latent is cut: one for the first layer, one per block."""
    return len(_LAYOUTS[image_size][0])


class Attention(nn.Module):
    """Self-attention with a learned weight that starts at 0 (Zhang et al. 2019).

    Maps [b, R * channels, H, W] to maps of the same shape; H and W are even.
    """

    def __init__(self, replicas, channels):
        super().__init__()
        self.query = Conv2d(replicas, channels, channels // 8, 1, bias=False)
        self.key = Conv2d(replicas, channels, channels // 8, 1, bias=False)
        self.value = Conv2d(replicas, channels, channels // 2, 1, bias=False)
        self.output = Conv2d(replicas, channels // 2, channels, 1, bias=False)
        self.gain = nn.Parameter(torch.zeros(replicas, 1))

    def forward(self, x: Tensor) -> Tensor:
        batch_size, _, height, width = x.shape
        replicas = len(self.gain)

        def by_replica(maps: Tensor) -> Tensor:
            return maps.reshape(batch_size * replicas, -1, maps.shape[2] * maps.shape[3])

        query = by_replica(self.query(x))
        key = by_replica(F.max_pool2d(self.key(x), 2))
        value = by_replica(F.max_pool2d(self.value(x), 2))
        weights = F.softmax(query.transpose(1, 2) @ key, dim=-1)
        attended = (value @ weights.transpose(1, 2)).view(batch_size, -1, height, width)
        output = self.output(attended).view(batch_size, replicas, -1, height, width)
        return x + (self.gain[:, :, None, None] * output).view_as(x)


class ConditionalBatchNorm(RunningNorm):
    """BatchNorm whose gain and bias are linear in a condition [b, R, d]; gain is 1 + linear."""

    def __init__(self, replicas, channels, condition):
        super().__init__(replicas, channels)
        self.gain = Linear(replicas, condition, channels, bias=False)
        self.bias = Linear(replicas, condition, channels, bias=False)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        gain = 1 + self.gain(condition).flatten(1)[:, :, None, None]
        bias = self.bias(condition).flatten(1)[:, :, None, None]
        return torch.addcmul(bias, self.normalise(x), gain)


class GeneratorBlock(nn.Module):
    """Residual block that doubles the side.

    Maps [b, R * inputs, H, W] and a condition [b, R, d] -> maps [b, R * outputs, 2 H, 2 W].
    """

    def __init__(self, replicas, inputs, outputs, condition):
        super().__init__()
        self.norm1 = ConditionalBatchNorm(replicas, inputs, condition)
        self.conv1 = Conv2d(replicas, inputs, outputs, 3)
        self.norm2 = ConditionalBatchNorm(replicas, outputs, condition)
        self.conv2 = Conv2d(replicas, outputs, outputs, 3)
        self.shortcut = Conv2d(replicas, inputs, outputs, 1)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        h = F.interpolate(F.relu(self.norm1(x, condition)), scale_factor=2)
        h = self.conv2(F.relu(self.norm2(self.conv1(h), condition)))
        return h + self.shortcut(F.interpolate(x, scale_factor=2))


class DiscriminatorBlock(nn.Module):
    """Residual block; the first one of a network has no activation before it.

    Maps [b, R * inputs, H, W] -> [b, R * outputs, H, W], or half the side where `halve`.
    """

    def __init__(self, replicas, inputs, outputs, halve, first):
        super().__init__()
        self.conv1 = Conv2d(replicas, inputs, outputs, 3)
        self.conv2 = Conv2d(replicas, outputs, outputs, 3)
        learned = halve or inputs != outputs
        self.shortcut = Conv2d(replicas, inputs, outputs, 1) if learned else None
        self.halve, self.first = halve, first

    def _skip(self, x: Tensor) -> Tensor:
        if (
            self.first
        ):  # pooled first: a 1 x 1 convolution commutes with pooling, and this is less work
            x = F.avg_pool2d(x, 2) if self.halve else x
            return x if self.shortcut is None else self.shortcut(x)
        x = x if self.shortcut is None else self.shortcut(x)
        return F.avg_pool2d(x, 2) if self.halve else x

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv1(x if self.first else F.relu(x))
        h = self.conv2(F.relu(h))
        return (F.avg_pool2d(h, 2) if self.halve else h) + self._skip(x)


class SharedEmbedding(nn.Module):
    """The class embedding that all blocks share; not spectrally normalised."""

    def __init__(self, replicas, classes, width):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(replicas, classes, width))

    def forward(self, labels: Tensor) -> Tensor:
        return lookup(self.weight, labels)

    def initialise(self, replica: int, random: torch.Generator) -> None:
        """Orthogonal."""
        nn.init.orthogonal_(self.weight.data[replica], generator=random)


class Generator(Network):
    """Latents [b, R * latent], labels [b, R] -> images [b, R * channels, H, W] in [-1, 1]."""

    def __init__(
        self,
        shape: ImageShape,
        replicas: int,
        *,
        latent: int,
        width: int,
        embedding: int,
        attention: int | None,
    ):
        super().__init__()
        widths = [width * factor for factor in _LAYOUTS[shape.size][0]]
        self.slots = len(widths)
        condition = embedding + latent // self.slots
        self.shared = SharedEmbedding(replicas, shape.classes, embedding)
        self.linear = Linear(replicas, latent // self.slots, widths[0] * 16)
        self.blocks = nn.ModuleList(
            GeneratorBlock(replicas, inputs, outputs, condition)
            for inputs, outputs in pairwise(widths)
        )
        sides = [8 * 2**k for k in range(len(self.blocks))]
        self.attention = nn.ModuleDict(
            {
                str(index): Attention(replicas, outputs)
                for index, (side, outputs) in enumerate(zip(sides, widths[1:], strict=True))
                if side == attention
            }
        )
        self.norm = BatchNorm2d(replicas, widths[-1], deviation=0.0)
        self.output = Conv2d(replicas, widths[-1], shape.channels, 3)

    def forward(self, latents: Tensor, labels: Tensor) -> Tensor:
        batch_size, replicas = labels.shape
        first, *pieces = latents.view(batch_size, replicas, -1).chunk(self.slots, dim=2)
        classes = self.shared(labels)
        h = self.stored(self.linear(first).reshape(batch_size, -1, 4, 4))
        for index, (block, piece) in enumerate(zip(self.blocks, pieces, strict=True)):
            h = block(h, torch.cat([classes, piece], dim=2))
            if str(index) in self.attention:
                h = self.attention[str(index)](h)
        return torch.tanh(self.output(F.relu(self.norm(h))))


class Discriminator(Network):
    """Images [b, R * channels, H, W], labels [b, R] -> logits [b, R] (projection, Miyato 2018).

    Real and generated images go through in one forward pass, as in BigGAN's code, so that a
    discriminator step makes one power iteration. There is no BatchNorm to couple them.
    """

    joint_batch = True

    def __init__(self, shape: ImageShape, replicas: int, *, width: int, attention: int | None):
        super().__init__()
        _, factors, halvings = _LAYOUTS[shape.size]
        widths = [width * factor for factor in factors]
        self.blocks = nn.ModuleList(
            DiscriminatorBlock(replicas, inputs, outputs, index < halvings, index == 0)
            for index, (inputs, outputs) in enumerate(pairwise([shape.channels, *widths]))
        )
        self.attention = nn.ModuleDict(
            {
                str(index): Attention(replicas, outputs)
                for index, outputs in enumerate(widths)
                if index < halvings and shape.size >> (index + 1) == attention
            }
        )
        self.linear = Linear(replicas, widths[-1], 1)
        self.embedding = Embedding(replicas, shape.classes, widths[-1])

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        h = self.stored(images)
        for index, block in enumerate(self.blocks):
            h = block(h)
            if str(index) in self.attention:
                h = self.attention[str(index)](h)
        h = F.relu(h).sum((2, 3)).view(*labels.shape, -1)
        return self.linear(h).squeeze(2) + (self.embedding(labels) * h).sum(2)


def build(settings: Settings, shape: ImageShape, replicas: int) -> tuple[Generator, Discriminator]:
    """The pair of networks that settings stand for."""
    generator = Generator(
        shape,
        replicas,
        latent=settings.latent,
        width=settings.generator_width,
        embedding=settings.embedding,
        attention=settings.attention,
    )
    discriminator = Discriminator(
        shape, replicas, width=settings.discriminator_width, attention=settings.attention
    )
    return generator, discriminator
