"""Adam (Kingma and Ba 2015, algorithm 1)."""

from dataclasses import dataclass
from math import sqrt

from ..registries.settings import setting
from . import Optimizer

NAME = "Adam"


@dataclass(frozen=True, kw_only=True)
class Settings:
    beta1: float = setting("Decay of the mean of gradients", default=0.5, at_least=0, below=1)
    beta2: float = setting("Decay of the second moment", default=0.999, at_least=0, below=1)
    eps: float = setting("Added to the denominator", default=1e-8, above=0, at_most=1)


def build(parameters, rate, settings, amsgrad=False):
    """Adam, or with `amsgrad` AMSGrad, as `Optimizer.build` says."""
    from torch.optim import Adam

    from .updates.without_compiler import without_compiler

    parameters, betas = list(parameters), (settings.beta1, settings.beta2)
    options = {
        "amsgrad": amsgrad,
        "fused": parameters[0].device.type != "meta",  # which has shapes only
    }
    return without_compiler(Adam)(parameters, lr=rate, betas=betas, eps=settings.eps, **options)


OPTIMIZER = Optimizer(
    description="Adam (Kingma and Ba 2015)",
    build=build,
    settings=Settings,
    scale=lambda settings: sqrt(1 / (1 - settings.beta2)),
)
