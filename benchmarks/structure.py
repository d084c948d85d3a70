"""Counts what makes the code hard to change, in one checkout or in several side by side.

    python benchmarks/structure.py . ../before

Per checkout, of workflow/ alone (files of Python and rules, no tests):
    functions with more than six positional parameters (self apart)
    reads of settings by a string key: settings["..."], fid["..."], limits[...] and the like
    files that spell the folder of a run (results/runs, results/state, b{...}, seeds_{...})
    lists of columns {name: type} or (name, ...) that repeat another one's first three names
    files over 300 lines
    functions and files that take a job's settings as a mapping
"""

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

SETTINGS = {"settings", "fid", "limits", "compute", "networks", "objective", "grid", "record"}
SPELLINGS = ("results/runs", "results/state", "seeds_", "/b{")


def main() -> None:
    places = [Path(word) for word in sys.argv[1:] or ["."]]
    tables = [dict(counts(place)) for place in places]
    for name in tables[0]:
        print(f"| {name} | {' | '.join(str(table[name]) for table in tables)} |")


def counts(checkout: Path) -> Iterator[tuple[str, int]]:
    """Name and number of everything that is counted."""
    files = sorted((checkout / "workflow").rglob("*.py"))
    rules = sorted((checkout / "workflow").rglob("*.smk"))
    trees = {path: ast.parse(path.read_text()) for path in files}
    functions = [
        (path, node)
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    yield (
        "functions of more than six positional parameters",
        sum(positional(node) > 6 for _, node in functions),
    )
    yield (
        "reads of settings by a string key",
        sum(1 for tree in trees.values() for node in ast.walk(tree) if is_setting(node)),
    )
    yield (
        "files that spell the folder of a run",
        sum(any(word in code(path) for word in SPELLINGS) for path in [*files, *rules]),
    )
    heads = Counter(head for tree in trees.values() for head in column_lists(tree))
    yield (
        "lists of columns declared more than once",
        sum(number - 1 for number in heads.values() if number > 1),
    )
    yield (
        "files over 300 lines",
        sum(len(path.read_text().splitlines()) > 300 for path in [*files, *rules]),
    )
    loose = [path for path, node in functions if takes_mapping(node)]
    yield "functions that take a job as a mapping", len(loose)
    yield "files with such functions", len(set(loose))


def positional(node: ast.FunctionDef) -> int:
    """Positional parameters without self or cls."""
    names = [each.arg for each in (*node.args.posonlyargs, *node.args.args)]
    return len(names) - (names[:1] in (["self"], ["cls"]))


def is_setting(node: ast.AST) -> bool:
    """Whether an expression reads a key of a mapping that is called like a section of a job."""
    if not (isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load)):
        return False
    key, owner = node.slice, node.value
    name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", None)
    text = isinstance(key, ast.Constant) and isinstance(key.value, str)
    return text and name in SETTINGS


def column_lists(tree: ast.Module) -> Iterator[tuple[str, ...]]:
    """The first three names of every constant that lists columns, such as `STEPS`."""
    for node in ast.walk(tree):
        keys = node.keys if isinstance(node, ast.Dict) else getattr(node, "elts", [])
        names = [getattr(each, "value", None) for each in keys]
        texts = len(names) > 3 and all(isinstance(name, str) for name in names)
        if texts and {"experiment", "optimizer", "seed", "step"} & set(names[:3]):
            yield tuple(names[:3])


def takes_mapping(node: ast.FunctionDef) -> bool:
    """Whether a parameter called settings or job is a mapping, or says nothing of its type."""
    for each in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
        kind = ast.unparse(each.annotation) if each.annotation else "dict"
        if each.arg in ("settings", "job") and ("Mapping" in kind or "dict" in kind):
            return True
    return False


def code(path: Path) -> str:
    """The file without lines that are nothing but a comment."""
    lines = path.read_text().splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith("#"))


if __name__ == "__main__":
    main()
