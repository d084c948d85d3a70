"""A registry: a mapping whose entries are the modules of a folder.

To add an entry is to add a file, since nothing lists them. An entry is imported when somebody asks
for it, so that a job runs no entry but its own. `ttur.code` relies on that: the digest of a job's
code leaves out the entries that the job does not use.
"""

import pkgutil
from collections.abc import Iterator, MutableMapping, Sequence
from importlib import import_module
from typing import TypeVar

Entry = TypeVar("Entry")


class Registry(MutableMapping[str, Entry]):
    """Name -> entry; KeyError where no module has that name.

    package: the dotted name of the package whose modules are the entries; packages inside it are
    none. attribute: what an entry is called in its module. The entry's name is `NAME` of the
    module, or without it the module's name; they differ in capitals at most. first: the names that
    come first when the registry is iterated; all others follow in alphabetical order.
    """

    def __init__(self, package: str, attribute: str, first: Sequence[str] = ()) -> None:
        self._package, self._attribute, self._first = package, attribute, tuple(first)
        self._entries: dict[str, Entry] = {}

    def __getitem__(self, name: str) -> Entry:
        module = str(name).lower()
        if name not in self._entries and module in self._modules():
            self._load(module)
        return self._entries[name]

    def __setitem__(self, name: str, entry: Entry) -> None:
        self._entries[name] = entry

    def __delitem__(self, name: str) -> None:
        del self._entries[name]

    def __iter__(self) -> Iterator[str]:
        for module in self._modules():
            self._load(module)
        return iter(sorted(self._entries, key=self._place))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def _modules(self) -> list[str]:
        folders = import_module(self._package).__path__
        return [found.name for found in pkgutil.iter_modules(folders) if not found.ispkg]

    def _load(self, module_name: str) -> None:
        module = import_module(f"{self._package}.{module_name}")
        name = getattr(module, "NAME", module_name)
        if name.lower() != module_name:
            raise ImportError(f"{module.__file__} has the NAME {name}: call it {name.lower()}.py")
        self._entries.setdefault(name, getattr(module, self._attribute))

    def _place(self, name: str) -> tuple[int, str]:
        place = self._first.index(name) if name in self._first else len(self._first)
        return place, name.lower()
