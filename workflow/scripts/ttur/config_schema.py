"""The schema of the configuration: validation, defaults, and its errors in the words of a user."""

import copy
import difflib
import re
from collections.abc import Iterator, Mapping
from functools import cache, reduce
from operator import getitem
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, ValidationError, validators

from .errors import UserError
from .network_kinds import NETWORKS
from .optimizers import OPTIMIZERS

SCHEMA_FILE = Path(__file__).parents[2] / "schemas" / "config.schema.yaml"
EXPECTED = {
    "object": "a mapping of keys to values",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
}
BOUNDS = {
    "minimum": "of at least",
    "exclusiveMinimum": "above",
    "maximum": "at most",
    "exclusiveMaximum": "below",
}

# A number in text, such as "0.5" or 2e-3, which YAML 1.1 takes for text too.
NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"

KeyPath = list[str | int]
Problem = tuple[KeyPath, str]  # where, and a message that ends in the remedy


def dotted(path: KeyPath) -> str:
    """A path as text on one line: `experiments.dcgan-fashion.seeds[0]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            plain = re.fullmatch(r"[\w-]+", part) and len(part) <= 64
            text += "." * bool(text) + (part if plain else shown(part))
    return text


def shown(value: Any) -> str:
    """A value as the user may have written it, on one line and not long."""
    try:
        text = str(value).lower() if isinstance(value, bool) else repr(value)
    except ValueError:  # more digits than Python writes out
        text = "a number of thousands of digits"
    return text if len(text) <= 120 else text[:117] + "..."


def filled(config: Mapping[str, Any], typed: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A copy of `config` that fits the schema, defaults filled in.

    typed: the part of it that came from --config, where Snakemake leaves numbers as text.

    Raises UserError on the first problem: unknown keys come before missing ones, and these before
    wrong values, so that a misspelt key is called that rather than missing.
    """
    settings = _copied(config, [])
    validator = _VALIDATOR(schema())
    _read_typed(settings, typed or {}, validator)
    ranks = {"additionalProperties": 0, "required": 1}
    errors = sorted(validator.iter_errors(settings), key=lambda e: ranks.get(e.validator, 2))
    if errors:
        path, message = _translated(errors[0])
        raise UserError(f"config: {dotted(path) or 'the file'} {message}")
    return settings


@cache
def schema() -> dict[str, Any]:
    """The schema file with the registered optimizers and networks in its open places."""
    loaded = yaml.safe_load(SCHEMA_FILE.read_text(encoding="utf-8"))
    _add_optimizers(loaded)
    _add_networks(loaded)
    return loaded


def _add_optimizers(loaded: dict[str, Any]) -> None:
    any_optimizer = loaded["$defs"]["optimizer"]
    ranges, other = any_optimizer["properties"], any_optimizer["additionalProperties"]
    common = {key: ranges[key] for key in ("generator_rate", "discriminator_rate", "batch_sizes")}
    optimizers = loaded["$defs"]["experiment"]["properties"]["optimizers"]
    optimizers["additionalProperties"] = False
    optimizers["properties"] = {
        name: {
            **any_optimizer,
            "title": f"key of {name}",
            "description": f"Settings of {name}",
            "properties": common
            | {
                key: {**ranges.get(key, other), "default": default}
                for key, default in optimizer.defaults.items()
            },
            "additionalProperties": False,
        }
        for name, optimizer in OPTIMIZERS.items()
    }


def _add_networks(loaded: dict[str, Any]) -> None:
    definitions = loaded["$defs"]
    networks = definitions["networks"]
    networks["properties"]["kind"]["enum"] = list(NETWORKS)
    latent = definitions["dcgan"]["properties"]["latent"]
    networks["allOf"] = [
        {
            "if": {"properties": {"kind": {"const": name}}, "required": ["kind"]},
            # Not among the definitions, where a kind may have the name of another one, as `share`.
            "then": {"$ref": f"#/$defs/{name}"}
            if kind.settings is None
            else _network_kind(name, kind.settings, latent),
        }
        for name, kind in NETWORKS.items()
    ]


def _network_kind(name: str, settings: Mapping[str, Any], latent: Any) -> dict[str, Any]:
    """The schema of a kind of networks whose entry brings its settings."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["kind", "latent"]
        + [key for key, rule in settings.items() if "default" not in rule],
        "properties": {
            "kind": {"const": name, "description": f"Networks of kind {name}"},
            "latent": latent,
            **settings,
        },
    }


def _copied(value: Any, path: KeyPath) -> Any:
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                where = dotted(path) or "the file"
                raise UserError(f"config: {where} has the key {shown(key)}: put it in quotes")
        return {key: _copied(item, [*path, key]) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_copied(item, [*path, i]) for i, item in enumerate(value)]
    return value


def _read_typed(settings: dict[str, Any], typed: Mapping[str, Any], validator) -> None:
    """Reads the text of `typed` as in a file, in place, where the schema wants something else.

    Whether it was in quotes is not known any more, so what may be text stays text, but for null.
    """
    texts = dict(_texts(typed, ()))
    if not texts:
        return
    wrong = [e for e in validator.iter_errors(settings) if e.validator == "type"]
    paths = {tuple(error.absolute_path) for error in wrong} & texts.keys()
    for path in paths | {path for path, text in texts.items() if _plain(text) is None}:
        *parents, key = path
        reduce(getitem, parents, settings)[key] = _plain(texts[path])


def _texts(value: Any, path: tuple) -> Iterator[tuple[tuple, str]]:
    """Every text inside nested values, with its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(item, (*path, key))
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from _texts(item, (*path, i))


def _plain(text: str) -> Any:
    """A number, a truth value or None where YAML reads one, else the text."""
    if text == "None":  # Snakemake's help asks for values as Python writes them
        return None
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):
        return text
    return value if value is None or isinstance(value, bool | int | float) else text


def _properties(validator, properties, instance, schema):
    """The keyword `properties`, which also fills in defaults."""
    if validator.is_type(instance, "object"):
        for key, subschema in properties.items():
            if "default" in subschema:
                instance.setdefault(key, copy.deepcopy(subschema["default"]))
    yield from Draft202012Validator.VALIDATORS["properties"](
        validator, properties, instance, schema
    )


def _is_integer(checker, value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(checker, value: Any) -> bool:
    # NaN fails the comparison; an int beyond it would not fit a float.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= 1e300


_VALIDATOR = validators.extend(
    Draft202012Validator,
    {"properties": _properties},
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine_many(
        {"integer": _is_integer, "number": _is_number}
    ),
)


def _translated(error: ValidationError) -> Problem:
    """The problem behind one error of the schema."""
    path, value, rule = list(error.absolute_path), error.instance, error.schema
    match error.validator:
        case "additionalProperties":
            return _unknown_key(path, value, rule)
        case "required":
            key = next(key for key in rule["required"] if key not in value)
            return [*path, key], f"is missing: add it ({rule['properties'][key]['description']})"
        case "type":
            return path, _wrong_type(value, rule)
        case "enum":
            choices = ", ".join("null" if each is None else str(each) for each in rule["enum"])
            return path, f"is {shown(value)}: use one of {choices}"
        case "uniqueItems":
            twice = next(item for i, item in enumerate(value) if item in value[:i])
            return path, f"lists {shown(twice)} twice: remove one"
        case "minItems" | "minProperties":
            return path, "is empty: list at least one"
        case "maxItems":
            return path, f"lists {len(value)}: list at most {rule['maxItems']}"
        case "maxLength":
            return path, f"has {len(value)} characters: use at most {rule['maxLength']}"
        case "pattern":
            return path, f"is {shown(value)}: use one line of text without control characters"
        case _:
            bounds = " and ".join(
                f"{text} {rule[key]}" for key, text in BOUNDS.items() if key in rule
            )
            return path, f"is {shown(value)}: use {_expected(rule)} {bounds}"


def _unknown_key(path: KeyPath, value: dict, rule: dict) -> Problem:
    names, known = rule.get("patternProperties", {}), list(rule.get("properties", {}))
    key = next(
        key for key in value if key not in known and not any(re.search(name, key) for name in names)
    )
    if names:
        remedy = "use at most 64 lower-case letters, digits, - and _, starting with neither - nor _"
        return [*path, key], f"is not a valid name: {remedy}"
    if "title" in rule:  # an optimizer, or a key of one
        return [*path, key], f"is not a known {rule['title']}: use one of {', '.join(known)}"
    kind = rule.get("properties", {}).get("kind", {}).get("const")
    unknown = f"is not a known key of kind {kind}" if kind else "is not a known key"
    close = difflib.get_close_matches(key, known, 1)
    remedy = f"did you mean {close[0]}?" if close else f"remove it (known: {', '.join(known)})"
    return [*path, key], f"{unknown}: {remedy}"


def _expected(rule: dict) -> str:
    kind = rule["type"]
    return EXPECTED[kind if isinstance(kind, str) else kind[0]]


def _wrong_type(value: Any, rule: dict) -> str:
    expected = _expected(rule)
    numeric = expected in (EXPECTED["number"], EXPECTED["integer"])
    if value is None:
        return f"is empty: give it {expected}"
    if numeric and isinstance(value, str) and re.fullmatch(NUMBER, value):
        whole = _is_whole(float(value))
        if whole or expected == EXPECTED["number"]:
            written = int(float(value)) if whole else _with_point(value)
            if not isinstance(_plain(value), str):
                return f"is text, {shown(value)} in quotes: write {written} without them"
            return f"is text: YAML reads {value} as text, write {written}"
    if numeric and isinstance(value, float) and not abs(value) <= 1e300:
        return f"is {shown(value)}: use {expected} that is finite"
    if numeric and isinstance(value, float) and _is_whole(value):
        return f"is {shown(value)}: write {int(value)}"
    if expected == EXPECTED["string"] and not isinstance(value, dict | list):
        return f"is {shown(value)}, not text: put it in quotes"
    return f"is {shown(value)}: use {expected}"


def _is_whole(value: float) -> bool:
    return value.is_integer() and abs(value) <= 1e15


def _with_point(text: str) -> str:
    """A number written so that YAML 1.1 reads it as one: with a point and a signed exponent."""
    mantissa, _, exponent = text.lower().partition("e")
    if "." not in mantissa:
        mantissa += ".0"
    if not exponent:
        return mantissa
    return f"{mantissa}e{exponent if exponent[0] in '+-' else '+' + exponent}"
