"""DCGAN (Radford et al. 2016) for square images of 8, 16, ..., 256 pixels.

At 64 pixels, latent 100 and width 64 these are the networks of sections 4.1 and 4.2:
3,576,704 generator and 2,765,568 discriminator parameters.
"""

from itertools import pairwise

from torch import Tensor, nn

from ..data.shape import ImageShape
from .kinds.dcgan import Settings
from .replicated import BatchNorm2d, Conv2d, ConvTranspose2d, Network


def _hidden_layers(image_size: int) -> int:
    """Layers between the 4 x 4 map and the image: 4 at 64 pixels, 2 at 16."""
    return image_size.bit_length() - 3


class Generator(Network):
    """Latents [b, R * latent] -> images [b, R * channels, H, W] in [-1, 1].

    Transposed convolutions from 4 x 4 up, doubling the side and halving the channels each time.
    """

    def __init__(
        self, shape: ImageShape, replicas: int, *, latent: int, width: int, momentum: float
    ):
        super().__init__()
        widths = [width * 2**k for k in reversed(range(_hidden_layers(shape.size)))]
        layers = [
            ConvTranspose2d(replicas, latent, widths[0], 4),
            BatchNorm2d(replicas, widths[0], momentum),
            nn.ReLU(inplace=True),
        ]
        for inputs, outputs in pairwise(widths):
            layers += [
                ConvTranspose2d(replicas, inputs, outputs, 4, stride=2, padding=1),
                BatchNorm2d(replicas, outputs, momentum),
                nn.ReLU(inplace=True),
            ]
        layers += [
            ConvTranspose2d(replicas, widths[-1], shape.channels, 4, stride=2, padding=1),
            nn.Tanh(),
        ]
        self.layers = nn.Sequential(*layers)

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        first, *rest = self.layers
        maps = self.stored(first(latents[:, :, None, None]))
        for layer in rest:
            maps = layer(maps)
        return maps


class Discriminator(Network):
    """Images [b, R * channels, H, W] -> logits [b, R]; no sigmoid.

    norm: `batch` (DCGAN, and the authors' critic) or `none` (the textbook's WGAN-GP critic).
    """

    def __init__(self, shape: ImageShape, replicas: int, *, width: int, norm: str):
        super().__init__()
        widths = [width * 2**k for k in range(_hidden_layers(shape.size))]
        layers = [
            Conv2d(replicas, shape.channels, widths[0], 4, stride=2, padding=1),
            nn.LeakyReLU(0.2, inplace=True),
        ]
        for inputs, outputs in pairwise(widths):
            layers.append(Conv2d(replicas, inputs, outputs, 4, stride=2, padding=1))
            if norm == "batch":
                layers.append(BatchNorm2d(replicas, outputs))
            layers.append(nn.LeakyReLU(0.2, inplace=True))
        layers.append(Conv2d(replicas, widths[-1], 1, 4))
        self.joint_batch = norm == "none"
        self.layers = nn.Sequential(*layers)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.layers(self.stored(images)).flatten(1)


def build(settings: Settings, shape: ImageShape, replicas: int) -> tuple[Generator, Discriminator]:
    """The pair of networks that settings stand for; labels are not used."""
    generator = Generator(
        shape,
        replicas,
        latent=settings.latent,
        width=settings.generator_width,
        momentum=settings.generator_bn_momentum,
    )
    discriminator = Discriminator(
        shape,
        replicas,
        width=settings.discriminator_width,
        norm=settings.discriminator_norm,
    )
    return generator, discriminator
