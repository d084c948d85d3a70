"""What the models of all sections of the configuration have in common.

A model is the only place where a key stands: its type, its default, its bounds and what it is
for. The schema that configurations are checked against is made from the models (json_schema.py).
"""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from ..registries import settings


class Section(BaseModel):
    """A section of the configuration as it is written, with defaults filled in."""

    model_config = ConfigDict(frozen=True, extra="forbid", regex_engine="python-re")


BY_KIND = "by_kind"


def by_kind(what: str) -> Any:
    """For a union of sections: the key `kind` tells which of them it is. what: describes it."""
    return Field(discriminator="kind", json_schema_extra={BY_KIND: what})


def without_default(schema: dict[str, Any]) -> None:
    """For `json_schema_extra`: a key that may be left out, which no default stands for."""
    schema.pop("default", None)


NAME = r"^[a-z0-9][a-z0-9_-]{0,63}$(?!\n)"
Name = Annotated[str, Field(pattern=NAME)]
"""Becomes a folder."""

ONE_LINE = Field(pattern=settings.ONE_LINE)
"""Of text: not blank, without control characters."""

Line = Annotated[str, Field(max_length=1000), ONE_LINE]

Step = Annotated[int, Field(ge=1, le=1_000_000_000)]
Samples = Annotated[int, Field(ge=2, le=10_000_000)]
Rate = Annotated[float, Field(gt=0, le=1)]
Decay = Annotated[float, Field(ge=0, lt=1)]
Threshold = Annotated[float, Field(gt=0, le=1_000_000_000)]

BatchSizes = Annotated[
    tuple[Annotated[int, Field(ge=1, le=10_000_000)], ...],
    Field(min_length=1, max_length=100, json_schema_extra={"uniqueItems": True}),
]
