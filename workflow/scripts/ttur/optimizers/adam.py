"""Adam (Kingma and Ba 2015, algorithm 1)."""

from math import sqrt

from . import Optimizer

NAME = "Adam"


def build(parameters, rate, hyper, amsgrad=False):
    """Adam, or with `amsgrad` AMSGrad, as `Optimizer.build` says."""
    from torch.optim import Adam

    from .updates.light import light

    parameters, betas = list(parameters), (hyper["beta1"], hyper["beta2"])
    options = {
        "amsgrad": amsgrad,
        "fused": parameters[0].device.type != "meta",  # which has shapes only
    }
    return light(Adam)(parameters, lr=rate, betas=betas, eps=hyper["eps"], **options)


OPTIMIZER = Optimizer(
    defaults={"beta1": 0.5, "beta2": 0.999, "eps": 1e-8},
    scale=lambda hyper: sqrt(1 / (1 - hyper["beta2"])),
    build=build,
)
