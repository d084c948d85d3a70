"""Small faults of a Python module, one at a time: what a slip of the hand would leave.

operator: arithmetic, comparison and logic replaced, a condition turned round
constant: numbers one up or down or half as much again, truth values, words
argument: two neighbours swapped, in calls and in what is returned; a keyword dropped
call: dropped around what it was given, or its sibling in its place (min for max)
statement: dropped; `break` for `continue`; a decorator dropped

No fault is made where none can be a wrong number: in texts for readers (docstrings, f-strings,
what is raised), in types and imports, in words that name a column or a key, and in the keywords
`CHECKS`, which only refuse what should not occur.
"""

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

OPERATORS = {
    ast.Add: [ast.Sub],
    ast.Sub: [ast.Add],
    ast.Mult: [ast.Div],
    ast.Div: [ast.Mult],
    ast.FloorDiv: [ast.Mult],
    ast.Mod: [ast.Mult],
    ast.Pow: [ast.Mult],
    ast.MatMult: [ast.Mult],
    ast.BitAnd: [ast.BitOr],
    ast.BitOr: [ast.BitAnd],
    ast.LShift: [ast.RShift],
    ast.Lt: [ast.LtE, ast.Gt],
    ast.LtE: [ast.Lt, ast.GtE],
    ast.Gt: [ast.GtE, ast.Lt],
    ast.GtE: [ast.Gt, ast.LtE],
    ast.Eq: [ast.NotEq],
    ast.NotEq: [ast.Eq],
    ast.Is: [ast.IsNot],
    ast.IsNot: [ast.Is],
    ast.In: [ast.NotIn],
    ast.NotIn: [ast.In],
    ast.And: [ast.Or],
    ast.Or: [ast.And],
}
PAIRS = "min max|any all|sum mean|median mean|idxmin idxmax|argmin argmax|ceil floor|zeros ones"
PAIRS += "|minimum maximum|round int|first last|isfinite isnan|log log1p|expm1 exp"
SIBLINGS: dict[str, list[str]] = {}
for _one, _other in (pair.split() for pair in PAIRS.split("|")):
    SIBLINGS.setdefault(_one, []).append(_other)
    SIBLINGS.setdefault(_other, []).append(_one)

# Calls whose result may stand in for what they were given, or were called on.
_CHANGES = """abs absolute astype ceil clamp clamp_min clip clone contiguous copy cumsum detach
diagonal double dropna drop_duplicates exp eval fillna flatten floor int list log max mean
median min normalised permute relu requires_grad_ reset_index resolve reversed round set sort sorted
sort_values sqrt square squeeze std sum symmetric_root t train trace transpose unique var
view"""
CHANGES = set(_CHANGES.split())
CHECKS = {"strict", "encoding", "allow_pickle", "missing_ok", "exist_ok", "validate_args"}
# Swapped arguments of these are none, or an exception at once.
ANY_ORDER = {"min", "max", "minimum", "maximum", "isinstance"}
KEPT_DECORATORS = {"property", "staticmethod", "classmethod", "dataclass", "contextmanager"}


@dataclass(frozen=True)
class Fault:
    """A part of a module's text, and what takes its place.

    line: counted from 1. function: its dotted name, or <module>. source: the first line of the
    part, stripped. change: in one line, of a long part only what differs and its surroundings.
    start, end: where it is in the text, in bytes. number: which of those with the same function,
    source and change, counted from 1.
    """

    kind: str
    line: int
    function: str
    source: str
    change: str
    after: str
    start: int
    end: int
    number: int = 1

    def applied(self, text: str) -> str:
        """The module's text with the fault in it."""
        data = text.encode()
        return (data[: self.start] + self.after.encode() + data[self.end :]).decode()


def faults_of(text: str) -> list[Fault]:
    """All faults of a module, in the order of its text."""
    lines = text.encode().splitlines(keepends=True)
    starts = [sum(map(len, lines[:count])) for count in range(len(lines) + 1)]
    found = {}
    for kind, node, after, function in _in(ast.parse(text), "<module>"):
        start = starts[node.lineno - 1] + node.col_offset
        end = starts[node.end_lineno - 1] + node.end_col_offset
        before, source = ast.unparse(node), lines[node.lineno - 1].decode().strip()
        change = _difference(" ".join(before.split()), " ".join(after.split()))
        if ast.dump(ast.parse(after)) == ast.dump(ast.parse(before)):
            continue
        if isinstance(node, ast.expr) and not isinstance(node, ast.Constant | ast.Name | ast.Tuple):
            after = f"({after})"
        fault = Fault(kind, node.lineno, function, source, change, after, start, end)
        found.setdefault((start, end, after), fault)
    return _numbered([found[key] for key in sorted(found)])


def _numbered(faults: list[Fault]) -> list[Fault]:
    alike = Counter()
    for place, fault in enumerate(faults):
        key = (fault.function, fault.source, fault.change)
        alike[key] += 1
        faults[place] = replace(fault, number=alike[key])
    return faults


def _difference(before: str, after: str) -> str:
    """`before -> after`, both without what they share beyond 30 characters around the change."""
    if len(before) <= 80:
        return f"{before} -> {after}"
    head = _shared(before, after)
    tail = _shared(before[head:][::-1], after[head:][::-1])
    first = max(0, head - 30)
    parts = (text[first : len(text) - max(0, tail - 30)] for text in (before, after))
    return " -> ".join(parts)


def _shared(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))


def _in(node: ast.AST, function: str) -> Iterator[tuple[str, ast.AST, str, str]]:
    """Kind, node, text in its place, and function, of every fault below a node."""
    for part, kind, after in _of(node):
        yield kind, part, after, function
    for child in _parts(node):
        inner = function
        if isinstance(child, ast.FunctionDef | ast.ClassDef):
            inner = child.name if function == "<module>" else f"{function}.{child.name}"
        yield from _in(child, inner)


def _parts(node: ast.AST) -> list[ast.AST]:
    """The parts of a node in which a fault may lie."""
    match node:
        case ast.Raise() | ast.JoinedStr() | ast.Import() | ast.ImportFrom():
            return []
        case ast.Call() if _name(node.func).endswith("Error"):
            return []
        case ast.Expr(value=ast.Constant()):
            return []
        case ast.FunctionDef():
            named = [default for default in node.args.kw_defaults if default]
            return [*node.args.defaults, *named, *node.body]
        case ast.ClassDef():
            return node.body
        case ast.If(test=ast.Name("TYPE_CHECKING")):
            return []
        case ast.AnnAssign():
            return [node.value] if node.value else []
        case ast.keyword() if node.arg in CHECKS:
            return []
    return list(ast.iter_child_nodes(node))


def _of(node: ast.AST) -> Iterator[tuple[ast.AST, str, str]]:
    """Faults of one node: the node that is replaced, the kind, and the text in its place."""
    match node:
        case ast.BinOp(ast.Constant(2), ast.Pow(), ast.Constant(2)):
            pass  # 2 * 2 is the same
        case ast.BinOp() | ast.AugAssign() | ast.BoolOp():
            for other in OPERATORS.get(type(node.op), []):
                yield node, "operator", _with(node, op=other())
        case ast.Compare():
            for place, operator in enumerate(node.ops):
                for other in OPERATORS[type(operator)]:
                    ops = [*node.ops[:place], other(), *node.ops[place + 1 :]]
                    yield node, "operator", _with(node, ops=ops)
        case ast.UnaryOp(op=ast.USub() | ast.Not() | ast.Invert()):
            yield node, "operator", ast.unparse(node.operand)
        case ast.IfExp():
            yield node, "operator", _with(node, body=node.orelse, orelse=node.body)
        case ast.If(test=ast.Name("TYPE_CHECKING")):
            pass
        case ast.If(test=test) | ast.While(test=test) | ast.comprehension(ifs=[test]):
            if not isinstance(test, ast.Compare | ast.BoolOp | ast.UnaryOp):
                yield test, "operator", f"not {ast.unparse(test)}"
        case ast.Return(value=ast.Tuple(elts=elts) as pair):
            for swapped in _neighbours(elts):
                yield pair, "argument", ast.unparse(_with_elements(pair, swapped))
        case ast.Call():
            yield from ((node, *fault) for fault in _of_call(node))
        case ast.FunctionDef():
            for one in node.decorator_list:
                if _name(one.func if isinstance(one, ast.Call) else one) not in KEPT_DECORATORS:
                    yield one, "statement", "lambda function: function"
        case ast.Constant(value=bool() | int() | float() as value):
            yield from ((node, "constant", repr(other)) for other in _numbers(value))
    for word in _words(node):
        yield word, "constant", repr(word.value + "X")
    if isinstance(node, ast.AugAssign | ast.Raise | ast.Expr) or (
        isinstance(node, ast.Assign) and _can_go(node)
    ):
        if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            yield node, "statement", "pass"
    elif isinstance(node, ast.Break | ast.Continue):
        yield node, "statement", "continue" if isinstance(node, ast.Break) else "break"


def _of_call(node: ast.Call) -> Iterator[tuple[str, str]]:
    function, args, keywords = node.func, node.args, node.keywords
    if _name(function) not in ANY_ORDER:
        yield from (("argument", _with(node, args=other)) for other in _neighbours(args))
    for place, keyword in enumerate(keywords):
        if keyword.arg is not None and keyword.arg not in CHECKS:
            yield "argument", _with(node, keywords=keywords[:place] + keywords[place + 1 :])
    for other in SIBLINGS.get(_name(function), []):
        named = ast.Name(other) if isinstance(function, ast.Name) else _with_name(function, other)
        yield "call", _with(node, func=named)
    if _name(function) in CHANGES:
        own = isinstance(function, ast.Attribute) and _name(function.value) not in ("np", "torch")
        if own or len(args) >= 1:
            yield "call", ast.unparse(function.value if own else args[0])


def _numbers(value: bool | int | float) -> list[bool | int | float]:
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1] + ([value - 1] if value > 1 else [])
    return [value * 1.5 if value else 1.0]


def _words(node: ast.AST) -> list[ast.Constant]:
    """Words that choose something: compared with, given to a call, or a default."""
    match node:
        case ast.Compare():
            parts = [node.left, *node.comparators]
        case ast.Call():
            parts = [*node.args, *(k.value for k in node.keywords if k.arg not in CHECKS)]
        case ast.FunctionDef():
            parts = node.args.defaults + node.args.kw_defaults
        case _:
            parts = []
    return [part for part in parts if isinstance(part, ast.Constant) and type(part.value) is str]


def _can_go(node: ast.Assign) -> bool:
    """Whether what an assignment names may have a value without it."""
    read = {part.id for part in ast.walk(node.value) if isinstance(part, ast.Name)}
    first = node.targets[0]
    targets = first.elts if isinstance(first, ast.Tuple) else node.targets
    return any(not isinstance(target, ast.Name) or target.id in read for target in targets)


def _neighbours(items: list[ast.expr]) -> Iterator[list[ast.expr]]:
    for place in range(len(items) - 1):
        if not any(isinstance(item, ast.Starred) for item in items[place : place + 2]):
            yield [*items[:place], items[place + 1], items[place], *items[place + 2 :]]


def _name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")


def _with(node: ast.AST, **changes) -> str:
    return ast.unparse(type(node)(**{name: getattr(node, name) for name in node._fields} | changes))


def _with_name(node: ast.Attribute, name: str) -> ast.Attribute:
    return ast.Attribute(node.value, name, node.ctx)


def _with_elements(node: ast.Tuple, elements: list[ast.expr]) -> ast.Tuple:
    return ast.Tuple(elements, node.ctx)
