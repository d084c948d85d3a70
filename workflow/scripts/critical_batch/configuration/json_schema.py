"""The JSON Schema of the configuration, made from its models and the registries.

It is what configurations are checked against, with our own words for its errors, and what editors
read from `SCHEMA_FILE`. `python -m critical_batch.configuration` writes that file anew.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from ..data.kinds import DATASET_KINDS
from ..metrics.features.kinds import FEATURE_NETWORKS as FEATURES
from ..metrics.kinds import METRICS
from ..networks.kinds import ARCHITECTURES
from ..objectives import OBJECTIVES
from ..optimizers import OPTIMIZERS, Optimizer
from ..registries.registry import Registry
from ..registries.settings import required
from .config import ConfigSection
from .entry_sections import KEYWORDS, in_order, section_by_kind, settings_keys, where_kind
from .features import feature_keys
from .optimizers import OptimizerSection
from .section import BY_KIND, NAME, Section
from .stop import metrics_schema

SCHEMA_FILE = Path(__file__).parents[3] / "schemas" / "config.schema.json"

Schema = dict[str, Any]
Entry = TypeVar("Entry")


@cache
def schema(builtin: bool = False) -> Schema:
    """The schema, without references, with the entries of the registries.

    builtin: with those alone that come with this library, not those of other packages.
    """
    whole = _schema_of(ConfigSection)
    kinds = _entries(DATASET_KINDS, builtin)
    in_lists = {name: kinds[name] for name in sorted(kinds, key=lambda name: kinds[name].place)}
    datasets = section_by_kind("Where the images come from", in_lists)
    whole["properties"]["datasets"]["patternProperties"] = {NAME: datasets}
    (experiment,) = whole["properties"]["experiments"]["patternProperties"].values()
    keys = experiment["properties"]
    for key, what, registry in (
        ("networks", "The architecture", ARCHITECTURES),
        ("objective", "The loss", OBJECTIVES),
    ):
        described = {"description": keys[key]["description"]}
        keys[key] = described | section_by_kind(what, _entries(registry, builtin))
    keys["optimizers"] |= _optimizers(_entries(OPTIMIZERS, builtin))
    keys["fid"]["properties"] |= feature_keys(_entries(FEATURES, builtin))
    metrics = metrics_schema(_entries(METRICS, builtin))
    keys["metrics"] = in_order(
        keys["metrics"] | {"additionalProperties": False, "properties": metrics}
    )
    stops = keys["stop"]["properties"]
    stops["metric"] = {"description": stops["metric"]["description"], "enum": ["fid", *metrics]}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **whole}


def schema_text() -> str:
    """The content of `SCHEMA_FILE`."""
    return json.dumps(schema(builtin=True), indent=2, ensure_ascii=False) + "\n"


def _entries(registry: Registry[Entry], builtin: bool) -> dict[str, Entry]:
    """By name all entries, or the built-in ones."""
    return {name: registry[name] for name in (registry.builtin() if builtin else registry)}


def _optimizers(optimizers: Mapping[str, Optimizer]) -> Schema:
    """Names of optimizers, each with the keys that all have and with its own settings."""
    shared = _schema_of(OptimizerSection)
    return {
        "title": "optimizer",
        "additionalProperties": False,
        "properties": {
            name: {
                **shared,
                "title": f"key of {name}",
                "description": optimizer.description,
                "additionalProperties": False,
                "required": [*shared["required"], *required(optimizer.settings)],
                "properties": {**shared["properties"], **settings_keys(optimizer)},
            }
            for name, optimizer in optimizers.items()
        },
    }


def _schema_of(model: type[Section]) -> Schema:
    """Of a model and all in it."""
    made = model.model_json_schema()
    return _plain(made, made.get("$defs", {}))


def _plain(node: Schema, models: Mapping[str, Schema]) -> Schema:
    """A part of what pydantic makes, in the form that our messages and editors need.

    models: by their names in references, each of which is replaced by the model. What pydantic
    says in other words than `KEYWORDS` is an error, so that nothing is lost.
    """
    node = {key: node[key] for key in node if key not in ("title", "discriminator", "$defs")}
    if "$ref" in node:
        named = models[node.pop("$ref").removeprefix("#/$defs/")]
        # What a model is to a reader of the code is not what its key is to a user.
        return _plain({key: named[key] for key in named if key != "description"} | node, models)
    if "anyOf" in node:
        return _or_null(node, models)
    if BY_KIND in node:
        return _by_kind(node, models)
    if {"const", "enum"} & node.keys() and node.get("type") == "string":
        del node["type"]  # "use one of" says more
    if "patternProperties" in node:
        node["additionalProperties"] = False
    for keyword in ("items", "additionalProperties"):
        if isinstance(node.get(keyword), dict):
            node[keyword] = _plain(node[keyword], models)
    for keyword in ("properties", "patternProperties"):
        if keyword in node:
            node[keyword] = {key: _plain(each, models) for key, each in node[keyword].items()}
    return dict(sorted(node.items(), key=lambda item: KEYWORDS.index(item[0])))


def _or_null(node: Schema, models: Mapping[str, Schema]) -> Schema:
    """One schema or null, as one schema of two types."""
    inner, null = node.pop("anyOf")
    assert null == {"type": "null"}
    either = _plain({**inner, **node}, models)
    either["type"] = [either["type"], "null"]
    if "enum" in either:
        either["enum"] = [None, *either["enum"]]
    return either


def _by_kind(node: Schema, models: Mapping[str, Schema]) -> Schema:
    """A mapping whose key `kind` says which of the schemas it fits."""
    kinds = [_plain(each, models) for each in node["oneOf"]]
    named = {each["properties"]["kind"]["const"]: each for each in kinds}
    choices = " or ".join(named) if len(named) == 2 else f"one of {', '.join(named)}"
    kind = {"description": f"{node[BY_KIND]}, {choices}", "enum": list(named)}
    described = {key: node[key] for key in ("description",) if key in node}
    return described | {
        "type": "object",
        "required": ["kind"],
        "properties": {"kind": kind},
        "allOf": [where_kind(name, each) for name, each in named.items()],
    }
