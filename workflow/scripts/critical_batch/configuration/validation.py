"""The configuration against its schema: a copy that fits, with defaults filled in."""

import copy
from collections.abc import Iterator, Mapping
from functools import reduce
from operator import getitem
from typing import Any

from jsonschema import Draft202012Validator, validators

from ..runtime.errors import UserError
from .json_schema import schema
from .messages import read_plain, translated
from .problems import KeyPath, dotted, shown


def with_defaults(
    config: Mapping[str, Any], typed: Mapping[str, Any] | None = None
) -> dict[str, Any]:
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
        path, message = translated(errors[0])
        raise UserError(f"config: {dotted(path) or 'the file'} {message}")
    return settings


def _copied(value: Any, path: KeyPath) -> Any:
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                where = dotted(path) or "the file"
                raise UserError(f"config: {where} has the key {shown(key)}: put it in quotes")
        return {key: _copied(item, [*path, key]) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_copied(item, [*path, i]) for i, item in enumerate(value)]
    if isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value):
        raise UserError(f"config: {dotted(path)} is {shown(value)}: use characters of Unicode")
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
    for path in paths | {path for path, text in texts.items() if read_plain(text) is None}:
        *parents, key = path
        reduce(getitem, parents, settings)[key] = read_plain(texts[path])


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
    return isinstance(value, int) and _is_number(checker, value)


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
