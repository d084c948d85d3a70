"""The shape of the tests themselves."""

import ast
from pathlib import Path

import limits

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
