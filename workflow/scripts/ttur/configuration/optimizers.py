"""The configuration's key `optimizers` of an experiment.

Which names and hyper-parameters there are, the registry says (`ttur.optimizers`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from .section import BatchSizes, Decay, Rate, Section, without_default


class OptimizerSection(Section, extra="allow"):
    """One optimizer; its hyper-parameters are further keys."""

    generator_rate: Rate = Field(description="Constant learning rate of the generator")
    discriminator_rate: Rate = Field(description="Constant learning rate of the discriminator")
    batch_sizes: BatchSizes | SkipJsonSchema[None] = Field(
        None,
        description="In place of the experiment's batch_sizes",
        json_schema_extra=without_default,
    )
    __pydantic_extra__: dict[str, float]

    def resolved(self, batch_sizes: Sequence[int]) -> "OptimizerSettings":
        """With the experiment's batch sizes where it has none of its own."""
        return OptimizerSettings(
            self.generator_rate,
            self.discriminator_rate,
            dict(self.__pydantic_extra__),
            tuple(self.batch_sizes or batch_sizes),
        )


Other = Annotated[
    float, Field(description="Any other hyper-parameter that the registry gives this optimizer")
]


class HyperParameters(Section, extra="allow"):
    """What hyper-parameters of these names mean, and their ranges, in whichever optimizer."""

    beta1: Decay = Field(description="Decay of the mean of gradients")
    beta2: Decay = Field(description="Decay of the second moment")
    alpha: Decay = Field(description="Decay of the second moment")
    eps: float = Field(gt=0, le=1, description="Added to the denominator")
    __pydantic_extra__: dict[str, Other]


@dataclass(frozen=True)
class OptimizerSettings:
    """One optimizer of an experiment: rates, all its hyper-parameters, its own batch sizes."""

    generator_rate: float
    discriminator_rate: float
    hyper: dict[str, float]
    batch_sizes: tuple[int, ...]

    def rates_and_hyper(self) -> dict[str, Any]:
        """All but the batch sizes, JSON-serialisable."""
        return {
            "generator_rate": self.generator_rate,
            "discriminator_rate": self.discriminator_rate,
            "hyper": dict(self.hyper),
        }
