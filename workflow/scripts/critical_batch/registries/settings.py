"""Settings of a registry's entry: a frozen dataclass whose fields say what they are for.

An entry declares its settings once. From that come the keys of the configuration with their JSON
Schema, and the typed value that the entry is given in a job:

    @dataclass(frozen=True, kw_only=True)
    class Settings:
        width: int = setting("Channels of the widest layer", at_least=1, at_most=4096)
        norm: Literal["batch", "none"] = setting("Normalisation", default="batch")

Needs nothing but the standard library, so that an entry can be listed without torch or pydantic.
"""

import dataclasses
from collections.abc import Mapping
from types import NoneType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from ..runtime.errors import UserError

Settings = TypeVar("Settings")
JsonSchema = dict[str, Any]

ONE_LINE = r"^ *[^ \u0000-\u001f\u007f][^\u0000-\u001f\u007f]*$(?!\n)"
"""Pattern of text that is one line: not blank, without control characters."""

_RULES = "json_schema"
_TYPES = {int: "integer", float: "number", bool: "boolean", str: "string"}
_MISSING: Any = dataclasses.MISSING


@dataclasses.dataclass(frozen=True, kw_only=True)
class NoSettings:
    """For entries without settings."""


def setting(
    description: str,
    *,
    default: Any = _MISSING,
    at_least: float | None = None,
    above: float | None = None,
    at_most: float | None = None,
    below: float | None = None,
    pattern: str | None = None,
    longest: int | None = None,
    always_written: bool = True,
) -> Any:
    """A field of settings; without a default its key must be in the configuration.

    description: one line, without a full stop. at_least, above, at_most, below: bounds of a number.
    pattern, longest: of text, a regular expression and the most characters. always_written:
    whether a key that is left out is filled in with its default; otherwise it stays absent where
    the configuration passes it on, and the default counts only where the entry reads it.
    """
    rules = {
        "description": description,
        "minimum": at_least,
        "exclusiveMinimum": above,
        "maximum": at_most,
        "exclusiveMaximum": below,
        "maxLength": longest,
        "pattern": pattern,
    }
    rules = {key: rule for key, rule in rules.items() if rule is not None}
    if default is not _MISSING and always_written:
        rules["default"] = default
    return dataclasses.field(default=default, metadata={_RULES: rules})


def json_schema(settings: type) -> dict[str, JsonSchema]:
    """Key -> JSON Schema of every field of a class of settings, in their order.

    Types of fields: int, float, bool, str, a Literal of texts or numbers, and any of them or None.
    Raises TypeError where the class is no dataclass, or a field is of another type or was not made
    by `setting`.
    """
    if not (isinstance(settings, type) and dataclasses.is_dataclass(settings)):
        raise TypeError(f"{settings!r} is no dataclass")
    types = get_type_hints(settings)
    return {
        each.name: _rules(f"{settings.__qualname__}.{each.name}", types[each.name], each.metadata)
        for each in dataclasses.fields(settings)
    }


def required(settings: type) -> list[str]:
    """The keys without a default, in their order."""
    fields = dataclasses.fields(settings)
    return [each.name for each in fields if each.default is _MISSING]


def read(settings: type[Settings], values: Mapping[str, Any], where: str) -> Settings:
    """The settings that `values` stand for; values themselves have been checked before.

    where: the path of the mapping, for messages. A whole number where a float is wanted becomes
    one. Raises UserError where a key is missing or is not known.
    """
    fields = {each.name: each for each in dataclasses.fields(settings)}
    for key in values:
        if key not in fields:
            raise UserError(f"{where}.{key} is not known: remove it")
    for key in required(settings):
        if key not in values:
            raise UserError(f"{where}.{key} is missing: add it")
    types = get_type_hints(settings)
    return settings(**{key: _typed(types[key], value) for key, value in values.items()})


def _typed(kind: Any, value: Any) -> Any:
    is_float = float in (kind, *get_args(kind))
    return float(value) if is_float and type(value) is int else value


def _rules(name: str, kind: Any, metadata: Mapping[str, Any]) -> JsonSchema:
    """The JSON Schema of one field."""
    if _RULES not in metadata:
        raise TypeError(f"{name} has no description: make the field with setting(...)")
    alternatives = get_args(kind) if NoneType in get_args(kind) else (kind,)
    or_null = NoneType in alternatives
    (kind,) = (each for each in alternatives if each is not NoneType)
    if get_origin(kind) is Literal:
        choices = list(get_args(kind))
        types = {_TYPES.get(type(each)) for each in choices}
        rules = {"enum": [None, *choices] if or_null else choices}
        if types != {"string"}:  # of texts "use one of" says more than their type
            rules = {"type": _one(name, types), **rules}
    else:
        rules = {"type": _one(name, {_TYPES.get(kind)})}
    if or_null and "type" in rules:
        rules["type"] = [rules["type"], "null"]
    return {**rules, **metadata[_RULES]}


def _one(name: str, types: set[str | None]) -> str:
    if len(types) != 1 or None in types:
        raise TypeError(f"{name} is of a type that settings cannot have")
    (one,) = types
    return one
