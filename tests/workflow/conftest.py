"""One finished smoke run per session: tests that need results copy it."""

import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from .checkout import Checkout, copy_repository


@dataclass(frozen=True)
class SmokeRun:
    """A finished run. sources: digests before the run. commit: None where git is missing."""

    checkout: Checkout
    output: str
    sources: dict[str, str]
    commit: str | None


def commit(root: Path) -> str | None:
    """Makes the copy a git repository of its own; returns its commit."""
    if shutil.which("git") is None:
        return None
    names = {
        f"GIT_{role}_{key}": "tests"
        for role in ("AUTHOR", "COMMITTER")
        for key in ("NAME", "EMAIL")
    }
    alone = os.environ | names | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}

    def git(*words: str) -> str:
        command = ["git", *words]
        return subprocess.run(
            command, cwd=root, env=alone, capture_output=True, text=True, check=True
        ).stdout.strip()

    git("init", "--quiet")
    git("add", "--all")
    git("commit", "--quiet", "--message", "smoke test")
    return git("rev-parse", "HEAD")


@pytest.fixture(scope="session")
def smoke_run(tmp_path_factory) -> SmokeRun:
    """The smoke configuration run from images to tables. Not to be changed: see `finished`."""
    checkout = copy_repository(tmp_path_factory.mktemp("smoke"))
    head, sources = commit(checkout.root), checkout.sources()
    started = time.perf_counter()
    result = checkout.snakemake()
    print(f"smoke run: {time.perf_counter() - started:.0f} s on two cores")
    assert result.returncode == 0, result.stdout
    return SmokeRun(checkout, result.stdout, sources, head)


@pytest.fixture
def finished(smoke_run, tmp_path) -> Checkout:
    """A copy of the finished run, to be changed at will."""
    return smoke_run.checkout.copy(tmp_path)


@pytest.fixture(scope="module")
def clean(tmp_path_factory) -> Checkout:
    """A copy of the repository without results, for dry runs."""
    return copy_repository(tmp_path_factory.mktemp("clean"))
