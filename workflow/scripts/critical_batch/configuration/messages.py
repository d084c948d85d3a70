"""An error of the schema in the words of a user: where, what is wrong, what to do."""

import difflib
import re
from typing import Any

import yaml
from jsonschema import ValidationError

from .problems import KeyPath, Problem, shown

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

# Keys whose values are names of entries, and what else helps where there is none of a name.
ENTRY = re.compile(
    "datasets/[^/]+/kind|experiments/[^/]+/(networks/kind|objective/kind|fid/features)"
)
INSTALL = ", or install the package that brings it"

# A number in text, such as "0.5" or 2e-3, which YAML 1.1 takes for text too.
NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"


def translated(error: ValidationError) -> Problem:
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
            other = INSTALL if ENTRY.fullmatch("/".join(map(str, path))) else ""
            return path, f"is {shown(value)}: use one of {choices}{other}"
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


def read_plain(text: str) -> Any:
    """A number, a truth value or None where YAML reads one, else the text."""
    if text == "None":  # Snakemake's help asks for values as Python writes them
        return None
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):
        return text
    return value if value is None or isinstance(value, bool | int | float) else text


def _unknown_key(path: KeyPath, value: dict, rule: dict) -> Problem:
    names, known = rule.get("patternProperties", {}), list(rule.get("properties", {}))
    key = next(
        key for key in value if key not in known and not any(re.search(name, key) for name in names)
    )
    if names:
        remedy = "use at most 64 lower-case letters, digits, - and _, starting with neither - nor _"
        return [*path, key], f"is not a valid name: {remedy}"
    if "title" in rule:  # an optimizer, or a key of one
        other = INSTALL if rule["title"] == "optimizer" else ""
        return [*path, key], f"is not a known {rule['title']}: use one of {', '.join(known)}{other}"
    kind = rule.get("properties", {}).get("kind", {}).get("const")
    unknown = f"is not a known key of kind {kind}" if kind else "is not a known key"
    close = difflib.get_close_matches(key, known, 1)
    remedy = f"did you mean {close[0]}?" if close else f"remove it (known: {', '.join(known)})"
    if path[-1:] == ["metrics"] and not close:
        remedy += INSTALL
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
            if not isinstance(read_plain(value), str):
                return f"is text, {shown(value)} in quotes: write {written} without them"
            return f"is text: YAML reads {value} as text, write {written}"
    if numeric and isinstance(value, float) and not abs(value) <= 1e300:
        return f"is {shown(value)}: use {expected} that is finite"
    if numeric and isinstance(value, int) and not abs(value) <= 1e300:
        return f"is {shown(value)}: use {expected} of fewer digits"
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
