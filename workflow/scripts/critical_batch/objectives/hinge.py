"""Hinge loss (Miyato et al. 2018)."""

from . import Objective, ObjectiveKind


def _build(settings):
    from .losses import hinge

    return Objective(hinge.discriminator, hinge.generator)


OBJECTIVE = ObjectiveKind(description="Hinge loss", build=_build)
