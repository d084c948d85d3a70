"""From a mapping as read from YAML to a checked configuration."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..data.kinds import DATASET_KINDS
from ..runtime.errors import UserError
from ..runtime.files import found
from .checks import domain_problems
from .config import Config, ConfigSection
from .problems import Problem, dotted
from .stop import one_stop
from .validation import with_defaults


def load(
    config: Mapping[str, Any],
    typed: Mapping[str, Any] | None = None,
    *,
    home: str | Path = ".",
) -> Config:
    """The checked configuration with defaults filled in; `config` itself is not changed.

    typed: the part of it that was typed on a command line, where numbers are still text. home: the
    folder of the workflow, where its own raw data (kinds of few small files) are looked
    for if the working directory has not their root.

    Raises UserError on the first problem: one line with the key's path and the remedy.
    """
    settings = with_defaults(config, typed)
    _find_files(settings, home)
    written = ConfigSection.model_validate(settings)
    _refuse_first(one_stop(written))
    loaded = Config.of(written)
    _refuse_first(domain_problems(loaded))
    return loaded


def _refuse_first(problems: Iterable[Problem]) -> None:
    for path, message in problems:
        raise UserError(f"config: {dotted(path)} {message}")


def _find_files(settings: dict[str, Any], home: str | Path) -> None:
    """Replaces paths by those that stand for them here, in place."""
    for section, key in (
        *((each, "root") for each in settings["datasets"].values()),
        (settings.get("inception", {}), "weights"),
    ):
        if section.get(key):
            section[key] = expanded(section[key])
    for keys in settings["datasets"].values():
        if DATASET_KINDS[keys["kind"]].raw_files:
            keys["root"] = found(keys["root"], home)


def expanded(path: str) -> str:
    """A path with `~`, `$NAME` and `${NAME}` replaced, unless it is there as it is written.

    What stands for nothing, such as a variable that is not set, stays.
    """
    return path if os.path.lexists(path) else os.path.expandvars(os.path.expanduser(path))
