"""A registry: a mapping whose entries are the modules of a folder, and what other packages bring.

To add an entry here is to add a file, since nothing lists them. Another installed package adds one
by an entry point (see `registries.outside`). An entry is imported when somebody asks for it, so
that a job runs no entry but its own. `registries.code_digest` relies on that: the digest of a job's
code leaves out the entries that the job does not use.
"""

import pkgutil
from collections.abc import Iterator, MutableMapping, Sequence
from functools import cached_property
from importlib import import_module
from importlib.metadata import EntryPoint
from typing import TypeVar

from ..runtime.errors import UserError
from . import outside

Entry = TypeVar("Entry")


class MissingEntryError(UserError, KeyError):
    """A registry has no entry of a name; one line that says which it has."""

    __str__ = Exception.__str__


class Registry(MutableMapping[str, Entry]):
    """Name -> entry.

    package: the dotted name of the package whose modules are the entries; packages inside it are
    none. attribute: what an entry is called in its module. The entry's name is `NAME` of the
    module, or without it the module's name; they differ in capitals at most. kind: the class that
    entries are instances of. first: the names that come first when the registry is iterated; all
    others follow in alphabetical order, those of other packages among them.

    Raises MissingEntryError, a KeyError, where there is no entry of a name, and UserError where
    another package brings a name that is taken, or an entry that cannot be used.
    """

    def __init__(
        self, package: str, attribute: str, kind: type[Entry], *, first: Sequence[str] = ()
    ) -> None:
        self._package, self._attribute, self._kind = package, attribute, kind
        self._first = tuple(first)
        self._group = outside.group_of(package.partition(".")[2] or package)
        self._entries: dict[str, Entry] = {}

    def __getitem__(self, name: str) -> Entry:
        if name not in self:
            raise MissingEntryError(
                f"{self._group} has no entry {name!r}, only {', '.join(self)}: correct the name, "
                "or install the package that brings it where this runs (docs/extending.md)"
            )
        if name not in self._entries:
            self._entries[name] = outside.load(self._brought[name], self._kind)
        return self._entries[name]

    def __setitem__(self, name: str, entry: Entry) -> None:
        self._entries[name] = entry

    def __delitem__(self, name: str) -> None:
        del self._entries[name]

    def __iter__(self) -> Iterator[str]:
        """All names; entries of other packages are not imported for that."""
        return iter(sorted({*self.builtin(), *self._brought}, key=self._place))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __contains__(self, name: object) -> bool:
        module = str(name).lower()
        if name not in self._entries and module in self._modules():
            self._load(module)
        return name in self._entries or name in self._brought

    def builtin(self) -> Iterator[str]:
        """The names of all entries but those of other packages."""
        for module in self._modules():
            self._load(module)
        own = (name for name in self._entries if name not in self._brought)
        return iter(sorted(own, key=self._place))

    @cached_property
    def _brought(self) -> dict[str, EntryPoint]:
        """What other packages bring, once it is certain that no name of theirs is taken here."""
        brought, modules = outside.brought(self._group), self._modules()
        for name, point in brought.items():
            if name.lower() in modules:
                raise UserError(
                    f"{outside.package_of(point)} brings {name} to {point.group}, which has an "
                    "entry of that name: give it another one"
                )
        return brought

    def _modules(self) -> list[str]:
        folders = import_module(self._package).__path__
        return [found.name for found in pkgutil.iter_modules(folders) if not found.ispkg]

    def _load(self, module_name: str) -> None:
        module = import_module(f"{self._package}.{module_name}")
        name = getattr(module, "NAME", module_name)
        if name.lower() != module_name:
            raise ImportError(f"{module.__file__} has the NAME {name}: call it {name.lower()}.py")
        entry = getattr(module, self._attribute)
        if not isinstance(entry, self._kind):
            raise TypeError(f"{module.__file__}: {self._attribute} is no {self._kind.__name__}")
        self._entries.setdefault(name, entry)

    def _place(self, name: str) -> tuple[int, str]:
        place = self._first.index(name) if name in self._first else len(self._first)
        return place, name.lower()
