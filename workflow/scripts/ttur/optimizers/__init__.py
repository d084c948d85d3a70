"""The optimizers: each module of this folder is one entry of `OPTIMIZERS`.

An entry holds what training needs (how to build it) and what the theory needs (the scale of
Proposition 3.4). To add one, add a module; the configuration schema, the estimates and the
figures follow. docs/optimizers.md tells how, with an example. Entries need no torch until they
are built; what does is in `updates/`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..registry import Registry

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


OPTIMIZERS: Registry[Optimizer] = Registry(
    # An optimizer's place decides its colour: one that is added must not change the others'.
    __name__,
    "OPTIMIZER",
    Optimizer,
    first=("Adam", "AdaBelief", "RMSProp", "AMSGrad"),
)
"""Name in the configuration -> optimizer."""
