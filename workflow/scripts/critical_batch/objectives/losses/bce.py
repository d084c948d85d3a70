"""Binary cross-entropy of the sigmoid of logits."""

from torch import Tensor
from torch.nn import functional as F


def discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """-log D(x) - log(1 - D(G(z))), D = sigmoid(logit) (Goodfellow et al. 2014, eq. 1), [R]."""
    return F.softplus(-real).mean(0) + F.softplus(fake).mean(0)


def generator(fake: Tensor) -> Tensor:
    """-log D(G(z)), the non-saturating loss (Goodfellow et al. 2014, section 3), [R]."""
    return F.softplus(-fake).mean(0)
