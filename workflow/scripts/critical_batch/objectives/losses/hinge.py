"""The hinge loss (Miyato et al. 2018)."""

from torch import Tensor
from torch.nn import functional as F


def discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """max(0, 1 - D(x)) + max(0, 1 + D(G(z))) of logits [b, R] (equation 16), [R]."""
    return F.relu(1 - real).mean(0) + F.relu(1 + fake).mean(0)


def generator(fake: Tensor) -> Tensor:
    """-D(G(z)) (equation 17), [R]."""
    return -fake.mean(0)
