"""A file of configuration before anything reads it: plain YAML or JSON, and no trap.

Snakemake parses configuration files itself, and what it cannot read ends in its own words, some of
them a traceback. Here a file is looked at first. Needs neither torch nor Snakemake.
"""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from ..runtime.errors import UserError
from .problems import shown

MAX_BYTES = 1 << 20
MAX_VALUES = 100_000
"""Aliases written out: a few lines of them can stand for more values than memory holds."""


def check_file(path: str | Path) -> None:
    """Raises UserError, one line with the file and the remedy, unless it can be a configuration.

    That is a regular file of at most `MAX_BYTES`, UTF-8, one mapping in YAML or JSON without
    repeated keys, without objects of Python, without code to run, and with at most `MAX_VALUES`.
    """
    try:
        text = _text(Path(path))
        loaded = _json(text)
        if loaded is None:
            loaded = _yaml(text)
        if not isinstance(loaded, dict):
            kind = "is empty" if loaded is None else "is no mapping of keys to values"
            raise UserError(f"{kind}: begin with config.yaml and change it")
        if "__use_yte__" in loaded:
            raise UserError("has the key __use_yte__, which runs code in the file: remove it")
    except UserError as error:
        raise UserError(f"config: {_name(path)!r} {error}") from None


def _name(path: str | Path) -> str:
    """The path as a user in the working directory would write it."""
    inside = Path(path).is_relative_to(Path.cwd())
    return os.path.relpath(path) if inside else str(path)


def _text(path: Path) -> str:
    if not path.exists():
        raise UserError(
            "is not there: correct the path (what follows --configfile is taken for files: name "
            "targets before it)"
        )
    if not path.is_file():
        raise UserError("is not a file: name a file of configuration")
    try:
        data = path.read_bytes() if path.stat().st_size <= MAX_BYTES else None
    except OSError as error:
        raise UserError(f"cannot be read ({error.strerror}): make it readable") from None
    if data is None:
        raise UserError(f"has more than {MAX_BYTES} bytes: name a file of configuration")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"is not UTF-8 from byte {error.start} on: save it as UTF-8") from None


def _json(text: str) -> Any:
    """The value of a JSON text; None where it is none, as Snakemake tries JSON first."""
    try:
        return json.loads(text, object_pairs_hook=_mapping)
    except RecursionError:
        raise UserError("is nested too deeply: write it as config.yaml is") from None
    except ValueError:
        return None


def _mapping(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    mapping = {}
    for key, value in pairs:
        if key in mapping:
            raise UserError(f"has the key {shown(key)} twice: remove one")
        mapping[key] = value
    return mapping


def _yaml(text: str) -> Any:
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if node is None:
            return None
        if _values(node, {}) > MAX_VALUES:
            raise UserError(f"stands for more than {MAX_VALUES} values: use fewer aliases")
        loader = yaml.SafeLoader("")
        return loader.construct_document(node)
    except RecursionError:
        raise UserError("is nested too deeply: write it as config.yaml is") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = " ".join(str(error.problem or error.context).split())
        raise UserError(f"is not plain YAML{where} ({problem}): correct it") from None
    except (yaml.YAMLError, ValueError) as error:  # also numbers and dates that there are not
        problem = " ".join(str(error).split())
        raise UserError(f"is not plain YAML ({problem}): correct it") from None


def _values(node: yaml.Node, known: dict[int, int | None]) -> int:
    """How many values a node stands for; UserError where it holds itself or a key twice.

    known: the numbers of the nodes seen so far, None while one is being counted.
    """
    if id(node) in known:
        if known[id(node)] is None:
            raise UserError(f"has an alias to what it stands in, {_line(node)}: remove it")
        return known[id(node)]
    known[id(node)] = None
    inner = []
    if isinstance(node, yaml.MappingNode):
        _check_keys(node)
        inner = [part for pair in node.value for part in pair]
    elif isinstance(node, yaml.SequenceNode):
        inner = node.value
    known[id(node)] = 1 + sum(_values(part, known) for part in inner)
    return known[id(node)]


def _check_keys(node: yaml.MappingNode) -> None:
    first = {}
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode) and (key.tag, key.value) in first:
            before = first[key.tag, key.value]
            raise UserError(
                f"has the key {shown(key.value)} twice, {_line(before)} and {_line(key)}: "
                "remove one"
            )
        if isinstance(key, yaml.ScalarNode):
            first[key.tag, key.value] = key


def _line(node: yaml.Node) -> str:
    return f"line {node.start_mark.line + 1}"
