"""An entry of a registry together with its settings, as a configuration or a job chooses it.

In JSON that is `{"kind": NAME, KEY: VALUE, ...}`: here, and nowhere else, it becomes typed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Generic, TypeVar

from .settings import read

Entry = TypeVar("Entry")
Problems = Iterable[tuple[str, str]]
"""Of settings: a key, and a message that ends in the remedy."""


def no_problems(*_: Any) -> Problems:
    """For entries whose settings are right wherever they fit their schema."""
    return ()


def check_fields(settings: type, *taken: str) -> None:
    """Raises TypeError where settings have a field by a name that a configuration needs itself."""
    for each in fields(settings):
        if each.name in taken:
            raise TypeError(f"{settings.__qualname__} has the field {each.name}: call it otherwise")


@dataclass(frozen=True)
class Chosen(Generic[Entry]):
    """An entry by its name, and its settings.

    entry: it has a class of settings as its attribute `settings`. settings: an instance of that
    class. written: the keys that were given a value, in the order of the settings' fields.
    """

    kind: str
    entry: Entry
    settings: Any
    written: tuple[str, ...]

    @property
    def values(self) -> dict[str, Any]:
        """The settings as a job carries them."""
        return {key: getattr(self.settings, key) for key in self.written}

    def to_json(self) -> dict[str, Any]:
        """The settings with the entry's name; `chosen` gives an equal choice."""
        return {"kind": self.kind, **self.values}


def chosen(registry: Mapping[str, Entry], values: Mapping[str, Any], where: str) -> Chosen[Entry]:
    """What `values` choose; where: their path, for messages.

    Raises KeyError where the registry has no entry of that name, and UserError where a key of its
    settings is missing or is not known.
    """
    keys = {key: value for key, value in values.items() if key != "kind"}
    return with_settings(registry, values["kind"], keys, where)


def with_settings(
    registry: Mapping[str, Entry], kind: str, values: Mapping[str, Any], where: str
) -> Chosen[Entry]:
    """The same where the entry's name does not stand among its settings."""
    entry = registry[kind]
    written = tuple(each.name for each in fields(entry.settings) if each.name in values)
    return Chosen(kind, entry, read(entry.settings, values, where), written)
