"""The Wasserstein distance in its dual form, the penalty apart (Arjovsky et al. 2017)."""

from torch import Tensor


def discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """D(G(z)) - D(x) of logits [b, R], [R]."""
    return fake.mean(0) - real.mean(0)


def generator(fake: Tensor) -> Tensor:
    """-D(G(z)), [R]."""
    return -fake.mean(0)
