"""The optimizers: each is one entry of `OPTIMIZERS`, and nothing else in the project names them.

An entry holds what training needs (how to build it) and what the theory needs (the scale of
Proposition 3.4). To add one, add an entry; the configuration schema, the estimates and the
figures follow. docs/optimizers.md tells how, with an example.
"""

import contextlib
import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Optimizer:
    """One optimizer.

    defaults: its hyper-parameters besides the learning rate, with default values.
    scale: Proposition 3.4's constant as a function of the hyper-parameters, such that
        b* >= r * rate * |S| / ((1 - beta1)^3 * sqrt(Theta) * scale), beta1 = 0 where it has none;
        None where the theory gives no bound.
    build: (parameters, rate, hyper-parameters) -> torch optimizer.
    """

    defaults: Mapping[str, float]
    scale: Callable[[Mapping[str, float]], float] | None
    build: Callable[[Iterable["torch.Tensor"], float, Mapping[str, float]], "torch.optim.Optimizer"]


def _adam(parameters, rate, hyper, amsgrad=False):
    from torch.optim import Adam

    from .light import light

    parameters, betas = list(parameters), (hyper["beta1"], hyper["beta2"])
    options = {
        "amsgrad": amsgrad,
        "fused": parameters[0].device.type != "meta",  # which has shapes only
    }
    return light(Adam)(parameters, lr=rate, betas=betas, eps=hyper["eps"], **options)


def _amsgrad(parameters, rate, hyper):
    return _adam(parameters, rate, hyper, amsgrad=True)


def _adabelief(parameters, rate, hyper):
    from .adabelief import AdaBelief

    # The package greets on standard output whatever it is told.
    with contextlib.redirect_stdout(io.StringIO()):
        return AdaBelief(
            parameters,
            lr=rate,
            betas=(hyper["beta1"], hyper["beta2"]),
            eps=hyper["eps"],
            weight_decouple=True,
            rectify=True,
            print_change_log=False,
        )


def _rmsprop(parameters, rate, hyper):
    from torch.optim import RMSprop

    from .light import light

    return light(RMSprop)(parameters, lr=rate, alpha=hyper["alpha"], eps=hyper["eps"])


OPTIMIZERS: Mapping[str, Optimizer] = {
    "Adam": Optimizer(
        defaults={"beta1": 0.5, "beta2": 0.999, "eps": 1e-8},
        scale=lambda hyper: sqrt(1 / (1 - hyper["beta2"])),
        build=_adam,
    ),
    "AdaBelief": Optimizer(
        defaults={"beta1": 0.5, "beta2": 0.999, "eps": 1e-16},
        scale=lambda hyper: sqrt(4 / (1 - hyper["beta2"])),
        build=_adabelief,
    ),
    "RMSProp": Optimizer(
        defaults={"alpha": 0.99, "eps": 1e-8},
        scale=lambda hyper: 1.0,
        build=_rmsprop,
    ),
    "AMSGrad": Optimizer(
        defaults={"beta1": 0.5, "beta2": 0.999, "eps": 1e-8},
        scale=None,  # Proposition 3.4 speaks of Adam, AdaBelief and RMSProp only
        build=_amsgrad,
    ),
}
