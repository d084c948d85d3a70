"""AdaBelief (Zhuang et al. 2020, algorithm 2), rectified as its package does by default."""

import contextlib
import io
from math import sqrt

from . import Optimizer

NAME = "AdaBelief"


def _build(parameters, rate, hyper):
    from .updates.adabelief import AdaBelief

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


OPTIMIZER = Optimizer(
    defaults={"beta1": 0.5, "beta2": 0.999, "eps": 1e-16},
    scale=lambda hyper: sqrt(4 / (1 - hyper["beta2"])),
    build=_build,
)
