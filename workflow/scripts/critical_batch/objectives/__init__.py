"""The objectives: each module of this folder is one entry of `OBJECTIVES`.

An objective is what the two players minimise, as pure functions of logits: the outputs [b, R] of
the discriminator, without sigmoid. A loss is a mean over the batch, one number per replica, [R].
Replicas share no parameter, so the gradient of a sum over R is each replica's own gradient.

To add one, add a module; docs/extending.md tells how, with an example. Entries need no torch until
they are built; what does is in `losses/`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..registries.chosen import Problems, check_fields, chosen, no_problems
from ..registries.registry import Registry
from ..registries.settings import NoSettings

if TYPE_CHECKING:
    from torch import Tensor

    Critic = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Objective:
    """What both players minimise.

    discriminator: (logits of real images, logits of generated images) -> loss [R].
    generator: logits of generated images -> loss [R].
    penalty: (critic, real, fake, mix) -> [R], which times penalty_weight is added to the
        discriminator's loss; None where there is none. critic: images [b, R * C, H, W] -> logits
        [b, R]; real, fake: images without gradient; mix: uniform in [0, 1), [b, R].
    """

    discriminator: "Callable[[Tensor, Tensor], Tensor]"
    generator: "Callable[[Tensor], Tensor]"
    penalty: "Callable[[Critic, Tensor, Tensor, Tensor], Tensor] | None" = None
    penalty_weight: float = 0.0

    @property
    def penalised(self) -> bool:
        """Whether there is a penalty that counts."""
        return self.penalty is not None and self.penalty_weight > 0


@dataclass(frozen=True, kw_only=True)
class ObjectiveKind:
    """One objective, by the name that `objective: {kind: NAME}` calls it.

    description: one line on what it is, without a full stop.
    build: settings -> `Objective`; settings: an instance of the class below.
    settings: a dataclass of `registries.settings.setting` fields, the keys besides `kind`.
    check: settings -> what a schema cannot say of them, each as a key and a message that ends in
        the remedy.
    second_derivatives: whether its penalty differentiates the discriminator twice, which compiled
        networks cannot.
    """

    description: str
    build: Callable[[Any], Objective]
    settings: type = NoSettings
    check: Callable[[Any], Problems] = no_problems
    second_derivatives: bool = False

    def __post_init__(self) -> None:
        check_fields(self.settings, "kind")


def build(objective: Mapping[str, Any]) -> Objective:
    """That of a job's `objective`.

    Raises KeyError and UserError as `chosen` does.
    """
    choice = chosen(OBJECTIVES, objective, "job: objective")
    return choice.entry.build(choice.settings)


OBJECTIVES: Registry[ObjectiveKind] = Registry(
    __name__, "OBJECTIVE", ObjectiveKind, first=("bce", "wasserstein_gp", "hinge")
)
"""Name in the configuration -> objective."""
