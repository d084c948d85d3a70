"""Copies of the repository, and snakemake running in them."""

import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from limits import HANG

REPOSITORY = Path(__file__).parents[2]
SMOKE = "tests/config.smoke.yaml"
NOT_SOURCES = (
    ".venv",
    ".venv-*",
    ".snakemake",
    "results",
    "prepared",
    "__pycache__",
    ".*_cache",
    "*.egg-info",
)


def copy_repository(target: Path) -> "Checkout":
    """The repository's own files in `target`, as a fresh clone would have them."""
    if (REPOSITORY / ".git").exists():
        command = ["git", "ls-files", "-co", "--exclude-standard", "-z"]
        names = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
        for name in filter(None, names.stdout.split("\0")):
            original = REPOSITORY / name
            # Not one that is deleted but still listed; a link to a folder is listed as a file.
            if original.is_file() or original.is_symlink():
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(original, target / name, follow_symlinks=False)
    else:
        ignore = shutil.ignore_patterns(*NOT_SOURCES)
        shutil.copytree(REPOSITORY, target, symlinks=True, ignore=ignore, dirs_exist_ok=True)
    return Checkout(target)


@cache
def server() -> subprocess.Popen[str]:
    """Starts Snakemake's processes for this one, see snakemake_server.py; ends with it."""
    script = Path(__file__).with_name("snakemake_server.py")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    return subprocess.Popen([sys.executable, script], text=True, **pipes)


@dataclass(frozen=True)
class Checkout:
    """A copy of the repository in which snakemake runs."""

    root: Path

    def copy(self, target: Path) -> "Checkout":
        """Everything with its times, results and Snakemake's records included."""
        shutil.copytree(self.root, target, symlinks=True, dirs_exist_ok=True)
        return Checkout(target)

    def environment(self) -> dict[str, str]:
        """That of the tests: jobs run under the interpreter that runs Snakemake, see `command`."""
        return {name: text for name, text in os.environ.items() if name != "SNAKEMAKE_PROFILE"}

    def command(self, *words: str, config: str | None = SMOKE, cores: int = 2) -> list[str]:
        """A snakemake command line; targets come first in `words`. config: None is the default."""
        configfile = ["--configfile", config] if config else []
        return [sys.executable, "-m", "snakemake", *words, "--cores", str(cores), *configfile]

    def snakemake(
        self,
        *words: str,
        config: str | None = SMOKE,
        cores: int = 2,
        environment: dict[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Runs snakemake to its end; stdout holds stderr too."""
        return subprocess.run(
            self.command(*words, config=config, cores=cores),
            cwd=self.root,
            env=self.environment() | (environment or {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=HANG,
        )

    def quick(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Like `snakemake` without its imports, for what starts no job: a dry run, a refusal."""
        with TemporaryDirectory() as folder:
            files = [Path(folder, name) for name in ("stdout", "stderr")]
            order = {"words": words, "folder": str(self.root), "variables": self.environment()}
            server().stdin.write(json.dumps(order | {"streams": list(map(str, files))}) + "\n")
            server().stdin.flush()
            code = int(server().stdout.readline())
            return subprocess.CompletedProcess(words, code, *(file.read_text() for file in files))

    def plan(self, *words: str, config: str | None = SMOKE) -> dict[str, str]:
        """What the next run would make: output file -> rule."""
        result = self.quick(*self.command(*words, "--summary", config=config)[3:])
        assert result.returncode == 0, result.stdout + result.stderr
        rows = csv.DictReader(result.stdout.splitlines(), delimiter="\t")
        plans = {row["output_file"]: (row["rule"], row["plan"]) for row in rows}
        assert {plan for _, plan in plans.values()} <= {"update pending", "no update"}
        return {file: rule for file, (rule, plan) in plans.items() if plan == "update pending"}

    def configuration(self) -> dict[str, Any]:
        """The smoke configuration as read from YAML."""
        return yaml.safe_load((self.root / SMOKE).read_text())

    def changed_config(self, change: Callable[[dict[str, Any]], None]) -> str:
        """Writes the smoke configuration with one change; returns the name of the new file."""
        settings = self.configuration()
        change(settings)
        (self.root / "changed.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
        return "changed.yaml"

    def sources(self) -> dict[str, str]:
        """Digest of every file that the workflow has no business to write."""
        made = ("results", ".snakemake", ".git", "__pycache__", "prepared")
        return {
            str(path.relative_to(self.root)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in self.root.rglob("*")
            if path.is_file() and not set(made) & set(path.relative_to(self.root).parts)
        }

    def made(self) -> dict[str, int]:
        """Every file of results/ and resources/prepared/ with its time in nanoseconds."""
        return {
            str(path.relative_to(self.root)): path.stat().st_mtime_ns
            for folder in ("results", "resources/prepared")
            for path in (self.root / folder).rglob("*")
            if path.is_file()
        }
