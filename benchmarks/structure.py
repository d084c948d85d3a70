"""Counts what makes the code hard to change, in one checkout or in several side by side.

    python benchmarks/structure.py ../before .

Of workflow/ alone, files of Python and rules:
    functions with more than six positional parameters (self apart)
    reads of settings by a string key: settings["..."], fid["..."], limits["..."] and the like
    files that spell the path of a run (results/runs, results/state, /seeds_...)
    constants that list the columns of a table, outside tables/
    files over 300 lines
    functions that take settings as a mapping, and the files that have any
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

SETTINGS = {"settings", "fid", "limits", "compute", "networks", "objective", "grid"}
SPELLINGS = ("results/runs", "results/state", "/seeds_", '"seeds_{')


def main() -> None:
    tables = [dict(counts(Path(word))) for word in sys.argv[1:] or ["."]]
    for name in tables[0]:
        print(f"| {name} | {' | '.join(str(table[name]) for table in tables)} |")


def counts(checkout: Path) -> Iterator[tuple[str, int]]:
    """Name and number of everything that is counted."""
    files = sorted((checkout / "workflow").rglob("*.py"))
    rules = sorted((checkout / "workflow").rglob("*.smk"))
    trees = {path: ast.parse(path.read_text()) for path in files}
    nodes = [(path, node) for path, tree in trees.items() for node in ast.walk(tree)]
    functions = [(path, node) for path, node in nodes if isinstance(node, ast.FunctionDef)]
    long = sum(positional(node) > 6 for _, node in functions)
    yield "functions of more than six positional parameters", long
    yield "reads of settings by a string key", sum(is_setting(node) for _, node in nodes)
    spelled = [path for path in (*files, *rules) if any(word in code(path) for word in SPELLINGS)]
    yield "files that spell the path of a run", len(spelled)
    elsewhere = (tree for path, tree in trees.items() if "tables" not in path.parts)
    yield "lists of columns outside tables/", sum(len(column_lists(tree)) for tree in elsewhere)
    lines = [len(path.read_text().splitlines()) for path in (*files, *rules)]
    yield "files over 300 lines", sum(number > 300 for number in lines)
    loose = [path for path, node in functions if takes_mapping(node)]
    yield "functions that take settings as a mapping", len(loose)
    yield "files with such functions", len(set(loose))


def positional(node: ast.FunctionDef) -> int:
    """Positional parameters without self or cls."""
    names = [each.arg for each in (*node.args.posonlyargs, *node.args.args)]
    return len(names) - (names[:1] in (["self"], ["cls"]))


def is_setting(node: ast.AST) -> bool:
    """Whether an expression reads a text key of a mapping that is called like a part of a job."""
    if not (isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load)):
        return False
    key, owner = node.slice, node.value
    name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", None)
    text = isinstance(key, ast.Constant) and isinstance(key.value, str)
    return text and name in SETTINGS


def column_lists(tree: ast.Module) -> list[str]:
    """Names of the module's constants that list columns, as a tuple or as a dict of types."""
    found = []
    for node in tree.body:
        value = getattr(node, "value", None)
        keys = value.keys if isinstance(value, ast.Dict) else getattr(value, "elts", [])
        names = {each.value for each in keys if isinstance(each, ast.Constant)}
        if isinstance(node, ast.Assign) and len(names) > 3 and names & {"seed", "experiment"}:
            found.append(ast.unparse(node.targets[0]))
    return found


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
