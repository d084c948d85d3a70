"""Which files a script's result depends on: itself and every library module it imports.

Their digest is a parameter of the script's rule, so that an edit reruns what it touches and
nothing else, and touching a file reruns nothing. As inputs they would be fifty of each job, and
planning thousands of jobs would take that much longer.
"""

import ast
import hashlib
from collections.abc import Collection
from functools import cache
from pathlib import Path


def imported_files(script: str | Path, package: str = "ttur", lazily: bool = True) -> list[str]:
    """Paths of the modules of `package` (beside the script) that `script` imports, sorted.

    Follows imports anywhere in the files, with `lazily` those inside functions too; importing a
    module also runs the `__init__.py` of the packages around it. The script itself is not in the
    list.
    """
    script = Path(script)
    found: set[Path] = set()
    pending = _imports(script, script.parent, package, lazily)
    while pending:
        path = pending.pop()
        if path not in found:
            found.add(path)
            pending |= _imports(path, script.parent, package, lazily)
    return sorted(map(str, found))


def code_digest(script: str | Path, without: Collection[str] = ()) -> str:
    """Hexadecimal SHA-256 of a script and the modules it imports (see `imported_files`).

    without: names of modules that are left out.
    """
    digest = hashlib.sha256()
    for path in map(Path, (script, *imported_files(script))):
        if path.stem not in without:
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _imports(path: Path, root: Path, package: str, lazily: bool) -> set[Path]:
    """Modules of the package that one file names in its import statements."""
    files: set[Path] = set()
    location = path.relative_to(root).with_suffix("").parts
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
    body = ast.parse(path.read_text(encoding="utf-8")).body
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
