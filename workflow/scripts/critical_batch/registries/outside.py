"""Entries of registries that other installed packages bring.

A package names them as entry points in its own metadata. So a configuration stays data: it names
an entry, and only what somebody has installed beside this workflow can have that name. In the
package's pyproject.toml (docs/extending.md has a whole one):

    [project.entry-points."critical_batch.networks"]
    tiny = "tiny_gan.networks:TINY"
"""

import importlib.util
import re
from collections.abc import Collection, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from ..runtime.errors import UserError

GROUPS = {
    "optimizers": "optimizers",
    "networks.kinds": "networks",
    "objectives": "objectives",
    "data.kinds": "datasets",
    "metrics.features.kinds": "features",
    "metrics.kinds": "metrics",
    "analysis.curves": "curves",
}
"""Folder of a registry in this package, with dots -> what its entry points' group is called."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
"""What an entry may be called; names become paths and keys of the configuration."""


def group_of(registry: str) -> str:
    """The group of a registry's entry points. registry: its folder in the package, with dots."""
    return f"critical_batch.{GROUPS.get(registry, registry)}"


@cache
def brought(group: str) -> dict[str, EntryPoint]:
    """Name -> entry point of all that installed packages bring to a group, by name.

    Nothing is imported. Raises UserError where a name cannot be one, or two packages bring it.
    Names that differ in capitals alone are the same, since some file systems take them for one.
    """
    found: dict[str, EntryPoint] = {}
    points = entry_points(group=group)
    for point in sorted(points, key=lambda each: (each.name.lower(), each.value)):
        if not NAME.fullmatch(point.name):
            raise UserError(
                f"{package_of(point)} names an entry of {point.group} {point.name!r}: "
                "use letters, digits, - and _"
            )
        for other in found.values():
            if other.name.lower() != point.name.lower():
                continue
            # A package that is found twice, by two paths, is still one.
            if (other.name, other.value) == (point.name, point.value):
                break
            raise UserError(
                f"{package_of(other)} and {package_of(point)} both bring {point.name} to "
                f"{point.group}: uninstall one of them"
            )
        else:
            found[point.name] = point
    return found


def package_of(point: EntryPoint) -> str:
    """The package that brings an entry point, with its version, in words."""
    if point.dist is None:
        return f"the package of {point.value}"
    return f"the package {point.dist.name} {point.dist.version}"


def versions_of(uses: Mapping[str, Collection[str]]) -> dict[str, str]:
    """Name -> version of the packages that bring entries. uses: registry, as its folder in the
    package with dots -> names of entries, as for `registries.code_digest`."""
    points = [
        brought(group_of(registry)).get(name) for registry, names in uses.items() for name in names
    ]
    dists = [point.dist for point in points if point is not None and point.dist is not None]
    return {dist.name: dist.version for dist in sorted(dists, key=lambda dist: dist.name)}


def load(point: EntryPoint, kind: type) -> Any:
    """The entry itself; its module is imported.

    Raises UserError where that fails, or where the entry is no instance of `kind`.
    """
    where = f"{package_of(point)} brings {point.name} to {point.group}"
    try:
        entry = point.load()
    except Exception as error:
        text = " ".join(f"{type(error).__name__}: {error}".split())
        raise UserError(f"{where}, but {point.value} cannot be loaded ({text}): mend it") from error
    if not isinstance(entry, kind):
        raise UserError(
            f"{where}, but {point.value} is a {type(entry).__name__}: make it a {kind.__name__} "
            "(docs/extending.md)"
        )
    return entry


def files_of(point: EntryPoint) -> dict[str, Path]:
    """Path inside the package, with slashes -> file, of all that an entry's package consists of.

    The package is the outermost one around the entry's module that is no namespace package: all of
    it, whether its modules use each other or not. What else it imports is not in it. Raises
    UserError where it cannot be found.
    """
    parts = point.module.split(".")
    for depth in range(1, len(parts) + 1):
        name = ".".join(parts[:depth])
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError):
            spec = None
        if spec is None:
            break
        if spec.origin is None and depth < len(parts):
            continue
        if not spec.submodule_search_locations:
            return {Path(spec.origin).name: Path(spec.origin)}
        return {
            path.relative_to(folder).as_posix(): path
            for folder in map(Path, spec.submodule_search_locations)
            for path in sorted(folder.rglob("*"))
            if path.is_file() and "__pycache__" not in path.parts
        }
    raise UserError(
        f"{package_of(point)} brings {point.name} to {point.group}, but there is no module "
        f"{name}: install it again"
    )
