"""AMSGrad (Reddi et al. 2018, algorithm 2): Adam whose denominator never falls."""

from . import Optimizer, adam

NAME = "AMSGrad"


def _build(parameters, rate, settings):
    return adam.build(parameters, rate, settings, amsgrad=True)


OPTIMIZER = Optimizer(
    description="AMSGrad (Reddi et al. 2018)",
    build=_build,
    settings=adam.Settings,
    scale=None,  # Proposition 3.4 speaks of Adam, AdaBelief and RMSProp only
)
