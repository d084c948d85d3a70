"""Nothing from a configuration reaches a shell unquoted."""

import ast
import re
from pathlib import Path

import pytest

RULES = sorted(Path("workflow/rules").glob("*.smk"))
SAFE = {
    "threads": "a number of Snakemake's",
    "params.samples": "a whole number in the schema",
    "params.seeds": "a whole number in the schema",
    "params.sample_seeds": "a number in the rule",
    "params.seed": "a number in the rule",
    "params.epochs": "a number in the rule",
    "params.device": "one of two words in the schema",
    "params.sha256": "64 hexadecimal digits, checked",
    "wildcards.pixel_map": "one of two words, a wildcard constraint",
}


def shell_texts(text: str) -> list[str]:
    """The string literals behind every `shell:` of a rule file, joined per rule."""
    blocks = re.findall(r"^ {4}shell:\n((?: {8}.*\n)+)", text + "\n", flags=re.MULTILINE)
    return [ast.literal_eval(f"({block})") for block in blocks]


def words(text: str) -> list[str]:
    return re.findall(r"(?<!\{)\{([^{}]+)\}(?!\})", text)


@pytest.mark.parametrize("rules", RULES, ids=lambda path: path.stem)
def test_every_word_is_quoted_or_a_number_or_one_of_few(rules):
    text = rules.read_text()
    shells = shell_texts(text)
    assert len(shells) == len(re.findall(r"^ +shell:", text, flags=re.MULTILINE))
    unquoted = {word for shell in shells for word in words(shell) if not word.endswith(":q")}
    assert unquoted <= set(SAFE)


def test_the_list_is_no_longer_than_needed():
    found = {
        word for rules in RULES for shell in shell_texts(rules.read_text()) for word in words(shell)
    }
    assert len(found) > 30
    assert set(SAFE) <= found


def test_rules_run_nothing_but_the_projects_scripts():
    commands = [shell for rules in RULES for shell in shell_texts(rules.read_text())]
    assert len(commands) >= 18
    for command in commands:
        program = re.match(
            r'(exec )?\{params\.program:q\} |"\$WORKFLOW_PYTHON" "\$WORKFLOW_SCRIPTS/\w+\.py" ',
            command,
        )
        assert program
        assert not re.search(r"[;|`$&](?!1)", command[program.end() :])
