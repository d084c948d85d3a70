"""The shape of the tests themselves."""

import ast
from pathlib import Path

import limits
from conftest import uses_rigs

TESTS = Path(__file__).parents[1]


def test_time_limits_are_for_hangs_and_stand_in_one_file():
    """A number of its own would fail some day on a busy machine."""
    assert limits.SOON >= 60
    assert limits.HANG >= 1800
    found = [
        f"{path.relative_to(TESTS)}:{node.value.lineno}"
        for path in TESTS.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.keyword)
        and node.arg == "timeout"
        and not isinstance(node.value, ast.Name)
    ]
    assert found == []


def test_files_with_rigs_are_known():
    """They run in one process: see tests/conftest.py."""
    files = [str(path.relative_to(TESTS.parent)) for path in TESTS.rglob("test_*.py")]
    assert {file for file in files if uses_rigs(file)} == {
        "tests/rigs/test_slurm.py",
        "tests/workflow/test_conda.py",
        "tests/workflow/test_report.py",
    }
