"""Which files a script's result depends on: itself and every library module it imports.

Of a registry (see `registries.registry`) a job uses some entries and runs no other. Where the
caller says which, the others do not count: to edit or to add an optimizer reruns no job of another
one.

Their digest is a parameter of the script's rule, so that an edit reruns what it touches and
nothing else, and touching a file reruns nothing. As inputs they would be fifty of each job, and
planning thousands of jobs would take that much longer.

The digest is of what the code does, not of its bytes: comments, blank lines, docstrings, the
annotations of plain functions and the words of a table's contract are not in it. Where an edit may
change what runs, it counts: the annotations of a class's fields, which dataclasses read, and those
of decorated functions.
"""

import ast
import contextlib
import hashlib
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from pathlib import Path

from . import outside

PACKAGE = "critical_batch"
"""The library, a folder beside the scripts."""

_UNREAD = ("kind", "type_comment")
"""Fields of nodes that nothing reads when the code runs. kind: the u of u"text"."""

_WORDS = {"Column": slice(1, None), "Table": slice(0, 3)}
"""Arguments of `tables.contract` that are words for people: all but types and names of columns."""


Uses = Mapping[str, Collection[str]]
"""Registry, as its folder in the package with dots -> the entries that are used, by name."""


def imported_files(
    script: str | Path,
    *,
    package: str = PACKAGE,
    lazily: bool = True,
    uses: Uses | None = None,
    also: Iterable[str] = (),
) -> list[str]:
    """Paths of the modules of `package` (beside the script) that `script` imports, sorted.

    Follows imports anywhere in the files, with `lazily` those inside functions too; importing a
    module also runs the `__init__.py` of the packages around it. A registry imports its entries:
    those that `uses` names, or all where it does not name the registry. also: dotted names of
    modules that the script imports by a name that it is told. The script itself is not in the list.
    At its end are all files of the packages that bring entries of other packages.

    Raises ValueError where `uses` names an entry that is none, and UserError where the package of
    an entry cannot be found.
    """
    own, brought = _dependencies(Path(script), package, lazily, uses or {}, also)
    return [*sorted(map(str, own)), *(str(brought[name]) for name in sorted(brought))]


def _dependencies(
    script: Path, package: str, lazily: bool, uses: Uses, also: Iterable[str]
) -> tuple[set[Path], dict[str, Path]]:
    """Modules of `package`, and of packages outside it each file by its group, entry and path."""
    found: set[Path] = set()
    brought: dict[str, Path] = {}
    pending = _imports(script, script.parent, package, lazily)
    for name in also:
        pending |= _files_of(tuple(name.split(".")), script.parent, package)
    while pending:
        path = pending.pop()
        if path not in found:
            found.add(path)
            imported = _imports(path, script.parent, package, lazily)
            if (
                script.parent / package / "registries/registry.py" in imported
                and path.stem == "__init__"
            ):
                name = ".".join(path.parent.relative_to(script.parent / package).parts)
                entries, others = _entries(path.parent, name, uses.get(name))
                imported |= entries
                brought |= others
                # What they take from the library, such as an adapter.
                for file in others.values():
                    if file.suffix == ".py":
                        imported |= _imports(file, script.parent, package, lazily)
            pending |= imported
    return found, brought


def code_digest(script: str | Path, uses: Uses | None = None, also: Iterable[str] = ()) -> str:
    """Hexadecimal SHA-256 of a script and the modules it imports (see `imported_files`).

    It is the same in every supported version of Python.
    """
    digest, script = hashlib.sha256(), Path(script)
    own, brought = _dependencies(script, PACKAGE, True, uses or {}, also)
    for path in (script, *sorted(own, key=str)):
        digest.update(_meaning(path, path.stat().st_mtime_ns))
    for name in sorted(brought):
        digest.update(name.encode())
        digest.update(_meaning(brought[name], brought[name].stat().st_mtime_ns))
    return digest.hexdigest()


def meaning(source: str) -> str:
    """What the source of a module does, as text: equal for two sources that differ only in
    comments, blank lines, layout, docstrings, annotations of plain functions or words of contracts.

    Raises SyntaxError.
    """
    tree, parts = ast.parse(source), []
    _drop_annotations(tree)
    _drop_words(tree)
    _write(tree, parts)
    return "".join(parts)


def _drop_annotations(tree: ast.Module) -> None:
    """Takes those of functions without a decorator, which might read them, out of the tree."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.decorator_list:
            node.returns = None
            for argument in ast.walk(node.args):
                if isinstance(argument, ast.arg):
                    argument.annotation = None


def _drop_words(tree: ast.Module) -> None:
    """Takes what tables and columns mean to people out of the tree."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            del node.args[_WORDS.get(node.func.id, slice(0, 0))]


def _write(node: object, parts: list[str]) -> None:
    """Adds a node and all below it. Not ast.dump, which writes them otherwise in every Python."""
    if isinstance(node, list):
        parts.append("[")
        for each in node:
            if not _is_text_alone(each):
                _write(each, parts)
        parts.append("]")
    elif isinstance(node, ast.AST):
        parts.append(f"({type(node).__name__}")
        for name, value in ast.iter_fields(node):
            if name not in _UNREAD and value not in (None, []):
                parts.append(f" {name}=")
                _write(value, parts)
        parts.append(")")
    else:
        parts.append(f"{type(node).__name__}:{node!r}")


def _is_text_alone(node: object) -> bool:
    """A statement that is nothing but a text: a docstring, or one below an assignment."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _entries(
    folder: Path, registry: str, names: Collection[str] | None
) -> tuple[set[Path], dict[str, Path]]:
    """The modules of a registry's entries, of these names or all (see
    `registries.registry.Registry`), and the files of entries that other packages bring."""
    modules = {path.stem: path for path in folder.glob("*.py") if path.stem != "__init__"}
    points = outside.brought(outside.group_of(registry))
    names = [*modules, *points] if names is None else names
    used, brought = set(), {}
    for name in names:
        if name.lower() in modules:
            used.add(modules[name.lower()])
        elif name in points:
            files = outside.files_of(points[name])
            brought |= {f"{registry} {name} {path}": file for path, file in files.items()}
        else:
            raise ValueError(f"no entry {name} of the registry {registry}")
    return used, brought


@cache
def _meaning(path: Path, modified: int) -> bytes:
    """Digest of a file as it was when `modified`: of what code means, of the bytes of the rest."""
    content = path.read_bytes()
    if path.suffix == ".py":
        with contextlib.suppress(SyntaxError, ValueError):
            content = meaning(content.decode()).encode()
    return hashlib.sha256(content).digest()


def _imports(path: Path, root: Path, package: str, lazily: bool) -> set[Path]:
    """Modules of the package that one file names in its import statements.

    Of a file outside `root`, those that it names in full.
    """
    files: set[Path] = set()
    inside = path.is_relative_to(root)
    location = path.relative_to(root).with_suffix("").parts if inside else ()
    for node in _nodes(path, path.stat().st_mtime_ns, lazily):
        if isinstance(node, ast.Import):
            for alias in node.names:
                files |= _files_of(tuple(alias.name.split(".")), root, package)
        elif isinstance(node, ast.ImportFrom):
            base = location[: len(location) - node.level] if node.level else ()
            module = (*base, *(node.module.split(".") if node.module else ()))
            files |= _files_of(module, root, package)
            for alias in node.names:
                files |= _files_of((*module, alias.name), root, package)
    return files


@cache
def _nodes(path: Path, modified: int, lazily: bool) -> list[ast.AST]:
    """The import statements of a file as it was when `modified`."""
    try:
        body = ast.parse(path.read_bytes()).body
    except (SyntaxError, ValueError):  # a package may carry what no Python of today can read
        return []
    nodes = (node for part in body for node in (ast.walk(part) if lazily else [part]))
    return [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]


def _files_of(module: tuple[str, ...], root: Path, package: str) -> set[Path]:
    """The file of a dotted module and the `__init__.py` of each package it lies in."""
    if module[:1] != (package,):
        return set()
    candidates = [
        root.joinpath(*module[:depth], "__init__.py") for depth in range(1, len(module) + 1)
    ]
    candidates.append(root.joinpath(*module).with_suffix(".py"))
    return {candidate for candidate in candidates if candidate.is_file()}
