"""Sections of the configuration whose keys the entries of a registry bring."""

from collections.abc import Mapping
from typing import Any, Protocol

from ..registries import settings as entries

Schema = dict[str, Any]

KEYWORDS = (
    *("$schema", "title", "description", "type", "const", "enum"),
    *("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "maxLength", "pattern"),
    *("minItems", "maxItems", "uniqueItems", "items"),
    *("minProperties", "patternProperties", "additionalProperties", "required", "properties"),
    *("allOf", "default"),
)
"""In this order: of several errors in one place the first counts."""


class Described(Protocol):
    """What an entry says of itself. settings: the dataclass of its keys besides `kind`."""

    description: str
    settings: type


def section_by_kind(what: str, kinds: Mapping[str, Described]) -> Schema:
    """A mapping whose key `kind` names one of the entries, and whose other keys are its settings.

    what: describes the key `kind`.
    """
    choices = " or ".join(kinds) if len(kinds) == 2 else f"one of {', '.join(kinds)}"
    return {
        "type": "object",
        "required": ["kind"],
        "properties": {"kind": {"description": f"{what}, {choices}", "enum": list(kinds)}},
        "allOf": [where_kind(name, _section(name, kind)) for name, kind in kinds.items()],
    }


def where_kind(name: str, then: Schema) -> Schema:
    """The schema `then` of a mapping whose key `kind` has this value."""
    return {"if": {"properties": {"kind": {"const": name}}, "required": ["kind"]}, "then": then}


def _section(name: str, kind: Described) -> Schema:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["kind", *entries.required(kind.settings)],
        "properties": {
            "kind": {"description": kind.description, "const": name},
            **settings_keys(kind),
        },
    }


def settings_keys(entry: Described) -> dict[str, Schema]:
    """Key -> schema of every setting of an entry."""
    return {key: in_order(rules) for key, rules in entries.json_schema(entry.settings).items()}


def in_order(node: Schema) -> Schema:
    """The keywords of a schema in the order of `KEYWORDS`; ValueError for any other."""
    return dict(sorted(node.items(), key=lambda item: KEYWORDS.index(item[0])))
