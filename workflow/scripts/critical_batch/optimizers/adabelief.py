"""AdaBelief (Zhuang et al. 2020, algorithm 2), rectified as its package does by default."""

import contextlib
import io
from dataclasses import dataclass
from math import sqrt

from ..registries.settings import setting
from . import Optimizer

NAME = "AdaBelief"


@dataclass(frozen=True, kw_only=True)
class Settings:
    beta1: float = setting("Decay of the mean of gradients", default=0.5, at_least=0, below=1)
    beta2: float = setting("Decay of the second moment", default=0.999, at_least=0, below=1)
    eps: float = setting("Added to the denominator", default=1e-16, above=0, at_most=1)


def _build(parameters, rate, settings):
    from .updates.adabelief import AdaBelief

    # The package greets on standard output whatever it is told.
    with contextlib.redirect_stdout(io.StringIO()):
        return AdaBelief(
            parameters,
            lr=rate,
            betas=(settings.beta1, settings.beta2),
            eps=settings.eps,
            weight_decouple=True,
            rectify=True,
            print_change_log=False,
        )


OPTIMIZER = Optimizer(
    description="AdaBelief (Zhuang et al. 2020), rectified",
    build=_build,
    settings=Settings,
    scale=lambda settings: sqrt(4 / (1 - settings.beta2)),
)
