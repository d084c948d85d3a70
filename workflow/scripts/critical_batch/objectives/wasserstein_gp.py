"""Wasserstein distance with gradient penalty (Gulrajani et al. 2017)."""

from dataclasses import dataclass

from ..registries.settings import setting
from . import Objective, ObjectiveKind


@dataclass(frozen=True, kw_only=True)
class Settings:
    penalty_weight: float = setting(
        "Weight of the gradient penalty (textbook 10; the authors' code amounts to 100)",
        default=10.0,
        at_least=0,
        at_most=1_000_000,
    )


def _build(settings):
    from .losses import wasserstein
    from .losses.penalty import gradient_penalty

    return Objective(
        wasserstein.discriminator,
        wasserstein.generator,
        gradient_penalty,
        settings.penalty_weight,
    )


OBJECTIVE = ObjectiveKind(
    description="Wasserstein distance with gradient penalty",
    build=_build,
    settings=Settings,
    second_derivatives=True,
)
