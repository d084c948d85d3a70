"""The optimizers: each module of this folder is one entry of `OPTIMIZERS`.

An entry holds what training needs (how to build it) and what the theory needs (the scale of
Proposition 3.4). To add one, add a module; the configuration schema, the estimates and the
figures follow. docs/optimizers.md tells how, with an example. Entries need no torch until they
are built; what does is in `updates/`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..registries.chosen import Chosen, Problems, check_fields, no_problems, with_settings
from ..registries.registry import Registry
from ..registries.settings import NoSettings, required

if TYPE_CHECKING:
    import torch

    Build = Callable[[Iterable[torch.Tensor], float, Any], torch.optim.Optimizer]


@dataclass(frozen=True, kw_only=True)
class Optimizer:
    """One optimizer.

    description: one line on what it is, without a full stop.
    build: (parameters, rate, settings) -> torch optimizer; settings: an instance of the class
        below.
    settings: a dataclass of `registries.settings.setting` fields: the hyper-parameters besides the
        learning rates, each with a default. The theory takes `beta1` for the decay of the mean of
        gradients.
    check: settings -> what a schema cannot say of them, each as a key and a message that ends in
        the remedy.
    scale: Proposition 3.4's constant as a function of the settings, such that
        b* >= r * rate * |S| / ((1 - beta1)^3 * sqrt(Theta) * scale), beta1 = 0 where it has none;
        None where the theory gives no bound.
    """

    description: str
    build: "Build"
    settings: type = NoSettings
    check: Callable[[Any], Problems] = no_problems
    scale: Callable[[Any], float] | None = None

    def __post_init__(self) -> None:
        check_fields(self.settings, "generator_rate", "discriminator_rate", "batch_sizes")
        for key in required(self.settings):  # the theory estimates what nobody has configured
            raise TypeError(f"{self.settings.__qualname__}.{key} has no default: give it one")


def optimizer_of(name: str, hyper: Mapping[str, Any]) -> Chosen[Optimizer]:
    """The optimizer and its typed settings; those that `hyper` lacks have their defaults.

    Raises KeyError where there is none of that name, and UserError where it has no such setting.
    """
    return with_settings(OPTIMIZERS, name, hyper, f"optimizers.{name}")


OPTIMIZERS: Registry[Optimizer] = Registry(
    # An optimizer's place decides its colour: one that is added must not change the others'.
    __name__,
    "OPTIMIZER",
    Optimizer,
    first=("Adam", "AdaBelief", "RMSProp", "AMSGrad"),
)
"""Name in the configuration -> optimizer."""
