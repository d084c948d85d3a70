"""The JSON Schema of the configuration, made from its models and the registries.

It is what configurations are checked against, with our own words for its errors, and what editors
read from `SCHEMA_FILE`. `python -m ttur.configuration` writes that file anew.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from ..network_kinds import NETWORKS
from ..optimizers import OPTIMIZERS
from .config import ConfigSection
from .datasets import datasets_schema
from .entry_sections import KEYWORDS, where_kind
from .features import feature_keys
from .networks import OwnNetworks
from .optimizers import HyperParameters, OptimizerSection
from .section import BY_KIND, Section

SCHEMA_FILE = Path(__file__).parents[3] / "schemas" / "config.schema.json"

Schema = dict[str, Any]


@cache
def schema(builtin: bool = False) -> Schema:
    """The schema, without references, with the entries of the registries.

    builtin: with those alone that come with this library, not those of other packages.
    """
    whole = _schema_of(ConfigSection)
    whole["properties"]["datasets"]["patternProperties"] = datasets_schema(builtin)
    (experiment,) = whole["properties"]["experiments"]["patternProperties"].values()
    _add_optimizers(experiment["properties"]["optimizers"])
    _add_networks(experiment["properties"]["networks"])
    experiment["properties"]["fid"]["properties"] |= feature_keys(builtin)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **whole}


def schema_text() -> str:
    """The content of `SCHEMA_FILE`."""
    return json.dumps(schema(builtin=True), indent=2, ensure_ascii=False) + "\n"


def _add_optimizers(optimizers: Schema) -> None:
    """Names of optimizers and of their hyper-parameters, as the registry has them."""
    any_optimizer, hyper = _schema_of(OptimizerSection), _schema_of(HyperParameters)
    ranges, other = hyper["properties"], hyper["additionalProperties"]
    optimizers["title"] = "optimizer"
    optimizers["additionalProperties"] = False
    optimizers["properties"] = {
        name: {
            **any_optimizer,
            "title": f"key of {name}",
            "description": f"Settings of {name}",
            "additionalProperties": False,
            "properties": any_optimizer["properties"]
            | {
                key: {**ranges.get(key, other), "default": default}
                for key, default in optimizer.defaults.items()
            },
        }
        for name, optimizer in OPTIMIZERS.items()
    }


def _add_networks(networks: Schema) -> None:
    """The kinds whose entries bring their settings; the others have models."""
    for name, kind in NETWORKS.items():
        if kind.settings is not None:
            networks["properties"]["kind"]["enum"].append(name)
            networks["allOf"].append(where_kind(name, _own_networks(name, kind.settings)))


def _own_networks(name: str, settings: Mapping[str, Schema]) -> Schema:
    model = _schema_of(OwnNetworks)
    kind = {"description": f"Networks of kind {name}", "const": name}
    needed = [key for key, rule in settings.items() if "default" not in rule]
    return {
        **model,
        "additionalProperties": False,
        "required": [*model["required"], *needed],
        "properties": {**model["properties"], "kind": kind, **settings},
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
    """A mapping whose key `kind` says which of the schemas it fits, where they name theirs."""
    kinds = [_plain(each, models) for each in node["oneOf"]]
    named = {each["properties"]["kind"].get("const"): each for each in kinds}
    named.pop(None, None)
    choices = " or ".join(named) if len(named) == 2 else f"one of {', '.join(named)}"
    kind = {"description": f"{node[BY_KIND]}, {choices}", "enum": list(named)}
    described = {key: node[key] for key in ("description",) if key in node}
    return described | {
        "type": "object",
        "required": ["kind"],
        "properties": {"kind": kind},
        "allOf": [where_kind(name, each) for name, each in named.items()],
    }
