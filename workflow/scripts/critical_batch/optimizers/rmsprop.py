"""RMSProp (Tieleman and Hinton 2012), without momentum."""

from dataclasses import dataclass

from ..registries.settings import setting
from . import Optimizer

NAME = "RMSProp"


@dataclass(frozen=True, kw_only=True)
class Settings:
    alpha: float = setting("Decay of the second moment", default=0.99, at_least=0, below=1)
    eps: float = setting("Added to the denominator", default=1e-8, above=0, at_most=1)


def _build(parameters, rate, settings):
    from torch.optim import RMSprop

    from .updates.without_compiler import without_compiler

    return without_compiler(RMSprop)(parameters, lr=rate, alpha=settings.alpha, eps=settings.eps)


OPTIMIZER = Optimizer(
    description="RMSProp (Tieleman and Hinton 2012), without momentum",
    build=_build,
    settings=Settings,
    scale=lambda settings: 1.0,
)
