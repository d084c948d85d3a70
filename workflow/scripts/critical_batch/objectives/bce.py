"""Binary cross-entropy with the non-saturating loss of the generator (Goodfellow et al. 2014)."""

from . import Objective, ObjectiveKind


def _build(settings):
    from .losses import bce

    return Objective(bce.discriminator, bce.generator)


OBJECTIVE = ObjectiveKind(
    description="Binary cross-entropy with the non-saturating generator loss", build=_build
)
