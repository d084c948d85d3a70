"""The configuration's key `objective` of an experiment: a model for each kind."""

from typing import Annotated, Literal

from pydantic import Field

from .section import Section, by_kind


class Bce(Section):
    kind: Literal["bce"] = Field(
        description="Binary cross-entropy with the non-saturating generator loss"
    )


class WassersteinGp(Section):
    kind: Literal["wasserstein_gp"] = Field(
        description="Wasserstein distance with gradient penalty"
    )
    penalty_weight: float = Field(
        10.0,
        ge=0,
        le=1_000_000,
        description="Weight of the gradient penalty (textbook 10; the authors' code amounts to "
        "100)",
    )


class Hinge(Section):
    kind: Literal["hinge"] = Field(description="Hinge loss")


ObjectiveSection = Annotated[Bce | WassersteinGp | Hinge, by_kind("The loss")]
