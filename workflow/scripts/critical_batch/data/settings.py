"""Settings of data sets: the fields that several kinds have, and settings read from JSON."""

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, TypeVar

from ..registries import settings as entries
from ..registries.settings import ONE_LINE, setting
from ..runtime.errors import UserError

ImageSize = Literal[8, 16, 32, 64, 128, 256]
"""Sides of images that networks are built for."""

AS_PUBLISHED = 0
"""Of `expected_images`: the key was left out, and the published number counts."""


class DatasetSettings:
    """What is known of a data set of any kind before it is prepared.

    The settings of a kind are a frozen dataclass that derives from this class. It has a field
    `image_size`, and a field, a constant or a property for each of these that differs:

    root: the folder of raw files; None where the data come with a package. channels: 1 (grey) or 3
    (RGB). has_labels: whether images have classes. classes: how many; a guess where only the raw
    files tell. images: how many there must be; None for any number.
    """

    root: ClassVar[str | None] = None
    channels: ClassVar[int] = 3
    has_labels: ClassVar[bool] = False
    classes: ClassVar[int] = 10
    images: ClassVar[int | None] = None


Settings = TypeVar("Settings", bound=DatasetSettings)


def root_field(description: str, **default: str) -> Any:
    """The field `root`. default: a folder; without it the key must be there."""
    return setting(description, longest=1000, pattern=ONE_LINE, **default)


def image_size_field() -> Any:
    return setting("Side of the square images in pixels")


def skipped_share_field() -> Any:
    return setting("Share of images that may be unreadable", default=0.01, at_least=0, below=1)


def expected_images_field() -> Any:
    return setting(
        "How many images there must be (without it the published number; null for any)",
        default=AS_PUBLISHED,
        at_least=1,
        at_most=1_000_000_000,
        always_written=False,
    )


def typed(settings: type[Settings], values: Mapping[str, Any], where: str) -> Settings:
    """Settings out of JSON, checked.

    where: what messages call them, such as `datasets.mine`. Images of any size can be prepared.
    Raises UserError, in one line, where a key is missing, is not known or has a wrong value.
    """
    for key, rules in entries.json_schema(settings).items():
        problem = key in values and _problem(key, values[key], rules)
        if problem:
            raise UserError(f"{where}.{key}: {problem}")
    return entries.read(settings, values, where)


def _problem(key: str, value: Any, rules: Mapping[str, Any]) -> str | None:
    """What is wrong with a value, by the JSON Schema of its key."""
    types = rules.get("type", "string")
    types = {types} if isinstance(types, str) else set(types)
    if value is None and "null" in types:
        return None
    if key == "root":
        return None if isinstance(value, str) and value else "name the folder of the images"
    if key == "image_size":
        is_size = type(value) is int and value >= 1
        return None if is_size else f"{value!r} is not a size in pixels"
    if "enum" in rules:
        fits = any(type(value) is type(each) and value == each for each in rules["enum"])
        return None if fits else f"{value!r} is not one of {', '.join(map(str, rules['enum']))}"
    if types & {"integer", "number"}:
        return _outside(value, rules, whole="integer" in types)
    if "boolean" in types:
        return None if isinstance(value, bool) else f"{value!r} is neither true nor false"
    return None if isinstance(value, str) else f"{value!r} is not text"


def _outside(value: Any, rules: Mapping[str, Any], whole: bool) -> str | None:
    """What is wrong with a number. whole: whether it must be a whole one."""
    least, above = rules.get("minimum", -math.inf), rules.get("exclusiveMinimum", -math.inf)
    most, below = rules.get("maximum", math.inf), rules.get("exclusiveMaximum", math.inf)
    is_number = type(value) is int or (not whole and type(value) is float)
    if is_number and least <= value <= most and above < value < below:
        return None
    if whole and {"minimum", "maximum"} <= rules.keys():
        return f"{value!r} is not a whole number from {least} to {most}"
    left = f"({above}" if above >= least else f"[{least}"
    right = f"{below})" if below <= most else f"{most}]"
    return f"{value!r} is not {'a whole number ' if whole else ''}in {left}, {right}"
