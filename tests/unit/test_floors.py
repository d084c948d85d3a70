"""The architecture: who may import whom. The floors are those of docs/design.md, from below."""

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

SCRIPTS = Path("workflow/scripts")
PACKAGE = "critical_batch"
FLOORS = [
    {"runtime"},
    {"registries"},
    {"data", "runs", "tables"},
    {"networks", "objectives", "optimizers"},
    {"metrics"},
    {"training"},
    {"analysis"},
    {"configuration"},
    {"reporting"},
]
"""Folders of the library. A module imports its own folder and the floors below it."""

NARROWER = {
    "analysis": {"runtime", "registries", "runs", "tables", "optimizers"},
    "configuration": {"runtime", "registries", "data", "runs", "networks", "optimizers"}
    | {"objectives", "metrics", "training"},
}
"""Folder -> what it may import besides itself, where that is less than all floors below."""

RULES = {
    "configuration",
    "data.content",
    "data.kinds",
    "data.paper_datasets",
    "data.raw",
    "metrics.features.kinds",
    "metrics.features.kinds.inception",
    "reporting.caption_numbers",
    "reporting.figures.registry",
    "reporting.pages.theory",
    "runs.layout",
    "registries.code_digest",
    "runtime.errors",
    "runtime.files",
    "tables.statistics",
    "tables.theory",
    "training.cluster_requests",
    "training.job",
}
"""What rules may import: settings, paths, digests, and names of what is made."""

TENSORS = {"devices", "streams"}
"""The modules of runtime/ that need more than Python itself."""

Imports = Mapping[str, set[str]]
"""Module, without the package's name -> the modules that it imports."""


def modules(root: Path) -> dict[str, ast.Module]:
    """Name without the package's -> syntax tree; the package itself is ""."""
    found = {}
    for path in sorted((root / PACKAGE).rglob("*.py")):
        parts = path.relative_to(root / PACKAGE).with_suffix("").parts
        found[".".join(each for each in parts if each != "__init__")] = ast.parse(path.read_text())
    return found


def imported(
    module: str, tree: ast.Module, names: set[str], packages: set[str], at_once: bool = False
) -> Iterator[tuple[int, str]]:
    """Line and module of every import of the package. at_once: see `statements`."""
    folder = module if module in packages else module.rpartition(".")[0]
    for node in statements(tree, at_once):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == PACKAGE:
                    yield node.lineno, alias.name.partition(".")[2]
        elif isinstance(node, ast.ImportFrom):
            base = (node.module or "").split(".") if node.module else []
            if node.level:
                around = folder.split(".") if folder else []
                base = [*around[: len(around) - node.level + 1], *base]
            elif base[:1] == [PACKAGE]:
                base = base[1:]
            else:
                continue
            for alias in node.names:
                inner = ".".join([*base, alias.name])
                yield node.lineno, inner if inner in names else ".".join(base)


def statements(tree: ast.AST, at_once: bool) -> Iterator[ast.AST]:
    """All nodes of a tree. at_once: of what runs when the module is imported alone."""
    for node in ast.iter_child_nodes(tree):
        later = isinstance(node, ast.FunctionDef | ast.Lambda)
        annotations = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        if not (at_once and (later or annotations)):
            yield node
            yield from statements(node, at_once)


def upward(root: Path) -> list[str]:
    """A line for every import that the floors do not allow, and every module on no floor."""
    found = modules(root)
    packages = {name for name in found if (root / PACKAGE / Path(*name.split("."))).is_dir()}
    height = {folder: floor for floor, folders in enumerate(FLOORS) for folder in folders}
    lines = []
    for name, tree in found.items():
        mine = name.split(".")[0]
        if name and mine not in height:
            lines.append(f"{name}: {mine} is on no floor")
            continue
        for line, other in imported(name, tree, set(found), packages):
            folder = other.split(".")[0]
            if not other or folder == mine:
                continue
            below = height.get(folder, len(FLOORS)) < height.get(mine, -1)
            if not below or folder not in NARROWER.get(mine, {folder}):
                lines.append(f"{name}, line {line}: {mine} may not import {other}")
    return lines


def circle(imports: Imports) -> list[str]:
    """The modules of one circle, in their order; none where there is no circle."""
    done: set[str] = set()

    def follow(name: str, way: list[str]) -> list[str]:
        if name in way:
            return [*way[way.index(name) :], name]
        if name in done:
            return []
        for other in sorted(imports.get(name, ())):
            if found := follow(other, [*way, name]):
                return found
        done.add(name)
        return []

    return next((found for name in imports if (found := follow(name, []))), [])


def outer(tree: ast.AST, at_once: bool = False) -> set[str]:
    """The first names of what a file imports, ours and others'. at_once: see `statements`."""
    found = set()
    for node in statements(tree, at_once):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module.split(".")[0])
    return found


def test_every_import_runs_down():
    assert upward(SCRIPTS) == []


def test_no_modules_import_each_other_in_a_circle():
    """When they are imported; what a function imports later opens a circle."""
    found = modules(SCRIPTS)
    packages = {name for name in found if (SCRIPTS / PACKAGE / Path(*name.split("."))).is_dir()}
    imports = {
        name: {other for _, other in imported(name, tree, set(found), packages, at_once=True)}
        - {name}
        for name, tree in found.items()
    }
    assert circle(imports) == []


def test_runtime_needs_nothing_but_python():
    for name, tree in modules(SCRIPTS).items():
        folder, _, module = name.partition(".")
        if folder == "runtime" and module not in TENSORS:
            assert outer(tree, at_once=True) - {PACKAGE} <= sys.stdlib_module_names, name


def test_importing_a_folder_needs_nothing_heavy():
    """What is heavy stands in modules: a job imports those that it needs."""
    for path in (SCRIPTS / PACKAGE).rglob("__init__.py"):
        needed = outer(ast.parse(path.read_text()), at_once=True)
        assert not needed & {"torch", "torchvision", "pandas", "scipy", "matplotlib"}, path


def test_the_library_and_its_scripts_know_nothing_of_snakemake():
    for path in SCRIPTS.rglob("*.py"):
        assert "snakemake" not in outer(ast.parse(path.read_text())), path


def test_scripts_import_the_library_and_not_each_other():
    scripts = {path.stem for path in SCRIPTS.glob("*.py")}
    for path in SCRIPTS.glob("*.py"):
        names = outer(ast.parse(path.read_text()))
        assert not names & scripts, path
        assert PACKAGE in names, path


def test_rules_import_settings_paths_and_digests_only():
    names = set(modules(SCRIPTS))
    for path in [Path("Snakefile"), *Path("workflow/rules").glob("*.smk")]:
        lines = re.findall(rf"^ *from {PACKAGE}(\S*) import ([^#\n]+)", path.read_text(), re.M)
        for base, symbols in lines:
            for symbol in symbols.strip("( ").split(","):
                inner = f"{base}.{symbol.split()[0]}".strip(".")
                assert (inner if inner in names else base.strip(".")) in RULES, (path, inner)
        assert f"import {PACKAGE}" not in path.read_text(), path


@pytest.mark.parametrize(
    ("file", "text", "line"),
    [
        ("data/shape.py", "from ..training import job", "data may not import training.job"),
        ("data/shape.py", "from ..runs.layout import Run", "data may not import runs.layout"),
        ("data/shape.py", "def f():\n    import critical_batch.metrics.pixels", "metrics.pixels"),
        ("data/shape.py", "if TYPE_CHECKING:\n    from ..training.job import X", "training.job"),
        ("runtime/files.py", "from critical_batch.data.shape import X", "data.shape"),
        ("analysis/theory.py", "from ..training import job", "analysis may not import training"),
        ("loose.py", "", "loose: loose is on no floor"),
    ],
)
def test_an_import_that_runs_up_is_named(tmp_path, file, text, line):
    for name in ("data/shape", "training/job", "runs/layout", "metrics/pixels", "__init__"):
        path = tmp_path / PACKAGE / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    assert upward(tmp_path) == []
    path = tmp_path / PACKAGE / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{text}\n")
    (found,) = upward(tmp_path)
    assert line in found


def test_a_circle_is_found():
    assert circle({"a": {"b"}, "b": {"c"}, "c": set()}) == []
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
