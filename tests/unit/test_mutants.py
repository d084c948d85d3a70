"""Faults are made, tried and counted as docs/reliability.md says."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MUTANTS = ROOT / "tests" / "mutants"
LIBRARY = ROOT / "workflow" / "scripts" / "critical_batch"
EQUIVALENTS = MUTANTS / "equivalents.toml"
SETTINGS = tomllib.loads((MUTANTS / "modules.toml").read_text())

MODULE = '''
"""Adds, at most `limit`."""

def capped(one: int, other: int, limit: int = 10) -> int:
    """Their sum - or the limit."""
    if limit < 0:
        raise ValueError(f"limit {limit + 1}")
    return min(one + other, limit)


def pair(one, other):
    for item in (one, other):
        if item is None:
            continue
        one = abs(item)
    return one, sorted([other, one], reverse=True)
'''


@pytest.fixture
def faults(monkeypatch):
    monkeypatch.syspath_prepend(MUTANTS)
    import faults

    return faults


@pytest.fixture
def report(monkeypatch):
    monkeypatch.syspath_prepend(MUTANTS)
    import report

    return report


def test_faults_are_those_of_a_slip_of_the_hand(faults):
    found = {(fault.kind, fault.change) for fault in faults.faults_of(MODULE)}
    assert found == {
        ("constant", "10 -> 11"),
        ("constant", "10 -> 9"),
        ("operator", "limit < 0 -> limit <= 0"),
        ("operator", "limit < 0 -> limit > 0"),
        ("constant", "0 -> 1"),
        ("statement", "raise ValueError(f'limit {limit + 1}') -> pass"),
        ("operator", "one + other -> one - other"),
        ("call", "min(one + other, limit) -> max(one + other, limit)"),
        ("call", "min(one + other, limit) -> one + other"),
        ("operator", "item is None -> item is not None"),
        ("statement", "continue -> break"),
        ("call", "abs(item) -> item"),
        (
            "argument",
            "(one, sorted([other, one], reverse=True))"
            " -> (sorted([other, one], reverse=True), one)",
        ),
        ("argument", "sorted([other, one], reverse=True) -> sorted([other, one])"),
        ("call", "sorted([other, one], reverse=True) -> [other, one]"),
        ("constant", "True -> False"),
    }


def test_of_a_long_part_only_the_change_and_its_surroundings_are_shown(faults):
    text = f"call({', '.join(f'{letter * 9}=1' for letter in 'abcdefghijklmnopqr')})"
    changes = {fault.change for fault in faults.faults_of(text)}
    start, end = text.index("h"), text.index("i")
    shown = text[start - 30 : end + 30], text[start - 30 : start] + text[end : end + 30]
    assert " -> ".join(shown) in changes


@pytest.mark.parametrize("module", ["analysis/theory.py", "training/step.py", "data/packed.py"])
def test_every_fault_leaves_a_module_that_can_be_read_and_is_another(faults, module):
    text = (LIBRARY / module).read_text()
    made = faults.faults_of(text)
    assert {fault.kind for fault in made} >= {"operator", "constant", "argument", "call"}
    assert made == faults.faults_of(text)
    for fault in made:
        assert ast.dump(ast.parse(fault.applied(text))) != ast.dump(ast.parse(text)), fault
        assert text.splitlines()[fault.line - 1].strip() == fault.source


def test_changes_that_read_alike_are_counted_and_told_apart(faults, report, tmp_path):
    ones = [
        fault for fault in faults.faults_of("a = f(1, 2) + 1\nb = 1\n") if "1 -> 2" in fault.change
    ]
    assert [(fault.line, fault.number) for fault in ones] == [(1, 1), (1, 2), (2, 1)]
    known = tmp_path / "equivalents.toml"
    entry = '[[equivalent]]\nmodule = "m"\nfunction = "<module>"\nsource = "a = f(1, 2) + 1"\n'
    entry += 'changes = ["1 -> 2"]\nreason = "such"\n'
    for numbers, meant in (("", [True, True, False]), ("numbers = [2]", [False, True, False])):
        known.write_text(entry + numbers)
        read = report.Equivalents.read(known)
        assert [read.has("m", fault) for fault in ones] == meant
        assert (read.stale("m", ones), read.stale("other", ones)) == ([], [])
    known.write_text(entry + "numbers = [3]")
    assert len(report.Equivalents.read(known).stale("m", ones)) == 1


def test_modules_and_their_tests_exist():
    for name, tests in SETTINGS["modules"].items():
        assert (LIBRARY / f"{name}.py").exists() or (LIBRARY / name / "__init__.py").exists(), name
        for test in tests:
            file, *_ = test.removeprefix("--deselect=").split("::")
            assert (ROOT / file).exists() or test.startswith("-k="), test


def test_the_table_of_the_documentation_has_every_module_with_its_score_or_as_waiting():
    page = (ROOT / "docs" / "reliability.md").read_text()
    rows = re.findall(r"^\| (\S+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) % \|$", page, re.M)
    (*modules, together), counts = [row[0] for row in rows], [[*map(int, row[1:])] for row in rows]
    (waiting,) = re.findall(r"^Not tried since they changed: (.*?)\.\n", page, re.M | re.S) or [""]
    waiting = waiting.replace(",", "").split()
    assert modules == [name for name in SETTINGS["modules"] if name not in waiting]
    assert set(waiting) <= set(SETTINGS["modules"])
    assert together == "together"
    assert [sum(column) for column in list(zip(*counts[:-1], strict=True))[:4]] == counts[-1][:4]
    for tried, noticed, equivalent, survivors, score in counts:
        assert tried == noticed + equivalent + survivors
        assert score == round(100 * noticed / (noticed + survivors)) >= 95


def test_every_known_equivalent_is_a_fault_of_its_module(faults, report):
    known = report.Equivalents.read(EQUIVALENTS)
    modules = {module for module, *_ in known.numbers}
    assert all(entry["reason"] for entry in tomllib.loads(EQUIVALENTS.read_text())["equivalent"])
    assert modules <= set(SETTINGS["modules"])
    for module in sorted(modules):
        path = LIBRARY / f"{module}.py"
        path = path if path.exists() else LIBRARY / module / "__init__.py"
        assert known.stale(module, faults.faults_of(path.read_text())) == []


@pytest.fixture
def checkout(tmp_path):
    """A checkout with one module, and a test that looks at one of its two numbers."""
    files = {
        "workflow/scripts/house/__init__.py": "",
        "workflow/scripts/house/sums.py": "def total(a, b):\n    c = a + b\n    return c, a - b\n",
        "tests/unit/test_sums.py": (
            "from house.sums import total\n\ndef test_total():\n    assert total(3, 2)[0] == 5\n"
        ),
        "tests/mutants/modules.toml": (
            'package = "house"\nshared = []\npreload = ["pytest"]\n'
            '[modules]\n"sums" = ["tests/unit/test_sums.py"]\n'
        ),
        "tests/mutants/equivalents.toml": "",
        "pyproject.toml": '[tool.pytest.ini_options]\npythonpath = ["workflow/scripts"]\n',
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    return tmp_path


def mutants(checkout, *options):
    """Runs `make mutants`, but for make."""
    environment = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
    command = [sys.executable, MUTANTS / "run.py", "--checkout", checkout, *options]
    return subprocess.run(command, capture_output=True, text=True, env=environment)


def test_what_is_noticed_what_survives_and_what_is_equivalent(checkout):
    library = checkout / "workflow/scripts/house/sums.py"
    before = library.read_bytes()
    ended = mutants(checkout)
    # c = a - b and the two swapped are noticed, a + b in the second place is not.
    assert "| sums | 3 | 2 | 0 | 1 | 67 % |" in ended.stdout, ended.stderr
    assert "- house/sums.py:3 total (operator): `a - b -> a + b`" in ended.stdout
    assert ended.returncode == 1
    assert library.read_bytes() == before
    assert (checkout / "results/mutants/report.md").read_text() in ended.stdout

    entry = '[[equivalent]]\nmodule = "sums"\nfunction = "total"\nsource = "return c, a - b"\n'
    known = checkout / "tests/mutants/equivalents.toml"
    known.write_text(f'{entry}changes = ["a - b -> a + b", "gone"]\nreason = "never read"\n')
    ended = mutants(checkout)
    assert "| sums | 3 | 2 | 1 | 0 | 100 % |" in ended.stdout
    assert "- sums, total: `return c, a - b`: `gone`" in ended.stdout
    assert ended.returncode == 1

    test = checkout / "tests/unit/test_sums.py"
    test.write_text(test.read_text().replace("total(3, 2)[0] == 5", "total(3, 2) == (5, 1)"))
    ended = mutants(checkout)
    assert "Equivalents that a test notices:\n\n- house/sums.py:3" in ended.stdout
    known.write_text("")
    ended = mutants(checkout)
    assert "| sums | 3 | 3 | 0 | 0 | 100 % |" in ended.stdout
    assert ended.returncode == 0


def test_a_fault_that_never_ends_is_noticed_by_the_limit(checkout, faults, monkeypatch):
    import copies

    monkeypatch.setattr(copies, "WALL_SECONDS", 0)
    monkeypatch.setattr(copies, "WALL_FACTOR", 1)
    library = checkout / "workflow/scripts/house/sums.py"
    endless = "def total(a, b):\n    while True:\n        pass\n"
    copy = copies.Copy(checkout, checkout / "copy")
    copy.start("house/sums.py", endless, ["tests/unit/test_sums.py"], copies.Outcome("", 0.1, 1.0))
    while not (outcome := copy.ended()):
        pass
    assert outcome.noticed_by == copies.TIME_LIMIT
    assert (checkout / "copy/workflow/scripts/house/sums.py").read_bytes() == library.read_bytes()


def test_tests_that_fail_without_a_fault_and_unknown_modules_are_named(checkout):
    (checkout / "tests/unit/test_sums.py").write_text("def test_it():\n    assert False\n")
    ended = mutants(checkout)
    assert "error: sums: its tests fail without a fault: tests/unit/test_sums.py" in ended.stderr
    ended = mutants(checkout, "sum")
    assert "error: sum is no module of tests/mutants/modules.toml" in ended.stderr
    assert ended.returncode == 1
