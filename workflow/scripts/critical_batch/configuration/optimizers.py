"""The configuration's key `optimizers` of an experiment.

Which names and hyper-parameters there are, the registry says (`optimizers`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from ..optimizers import optimizer_of
from ..registries.chosen import Chosen
from .section import BatchSizes, Rate, Section, without_default


class OptimizerSection(Section, extra="allow"):
    """One optimizer; its hyper-parameters are further keys."""

    generator_rate: Rate = Field(description="Constant learning rate of the generator")
    discriminator_rate: Rate = Field(description="Constant learning rate of the discriminator")
    batch_sizes: BatchSizes | SkipJsonSchema[None] = Field(
        None,
        description="In place of the experiment's batch_sizes",
        json_schema_extra=without_default,
    )
    __pydantic_extra__: dict[str, Any]

    def resolved(self, name: str, batch_sizes: Sequence[int]) -> "OptimizerSettings":
        """With the experiment's batch sizes where it has none of its own."""
        return OptimizerSettings(
            self.generator_rate,
            self.discriminator_rate,
            optimizer_of(name, self.__pydantic_extra__),
            tuple(self.batch_sizes or batch_sizes),
        )


@dataclass(frozen=True)
class OptimizerSettings:
    """One optimizer of an experiment: rates, its hyper-parameters as it takes them, batch sizes."""

    generator_rate: float
    discriminator_rate: float
    optimizer: Chosen
    batch_sizes: tuple[int, ...]

    def rates_and_hyper(self) -> dict[str, Any]:
        """All but the batch sizes, JSON-serialisable."""
        return {
            "generator_rate": self.generator_rate,
            "discriminator_rate": self.discriminator_rate,
            "hyper": self.optimizer.values,
        }
