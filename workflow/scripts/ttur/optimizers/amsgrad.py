"""AMSGrad (Reddi et al. 2018, algorithm 2): Adam whose denominator never falls."""

from . import Optimizer, adam

NAME = "AMSGrad"


def _build(parameters, rate, hyper):
    return adam.build(parameters, rate, hyper, amsgrad=True)


OPTIMIZER = Optimizer(
    defaults={"beta1": 0.5, "beta2": 0.999, "eps": 1e-8},
    scale=None,  # Proposition 3.4 speaks of Adam, AdaBelief and RMSProp only
    build=_build,
)
