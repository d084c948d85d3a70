"""RMSProp (Tieleman and Hinton 2012), without momentum."""

from . import Optimizer

NAME = "RMSProp"


def _build(parameters, rate, hyper):
    from torch.optim import RMSprop

    from .updates.light import light

    return light(RMSprop)(parameters, lr=rate, alpha=hyper["alpha"], eps=hyper["eps"])


OPTIMIZER = Optimizer(
    defaults={"alpha": 0.99, "eps": 1e-8},
    scale=lambda hyper: 1.0,
    build=_build,
)
