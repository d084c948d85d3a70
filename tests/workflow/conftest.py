"""Finished runs that tests share. Nothing is trained twice in a session where once is enough.

finished   a copy of the finished smoke run with Snakemake's records; the test may change it
smoke_run  that run itself (`smoke_run.checkout`) and what it said; never to be changed
clean      a copy of the repository without results, for dry runs; all tests of a file share it

A test of its own needs `finished` as an argument and no more:

    def test_an_edit_retrains(finished):
        (finished.root / "config.yaml").write_text(...)
        assert finished.plan() == {...}                 # one dry run: 2 s
        finished.snakemake("train", config="my.yaml")   # the jobs that are left to do

A file whose tests only read one changed run makes it once, from a copy:

    @pytest.fixture(scope="module")
    def changed(smoke_run, tmp_path_factory):
        checkout = smoke_run.checkout.copy(tmp_path_factory.mktemp("changed"))
        ...
"""

import json
import os
import shutil
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest
from filelock import FileLock
from limits import HANG

from .checkout import Checkout, copy_repository


@dataclass(frozen=True)
class SmokeRun:
    """A finished run. sources: digests before the run. commit: None where git is missing."""

    root: str
    output: str
    returncode: int
    seconds: float
    sources: dict[str, str]
    commit: str | None

    @property
    def checkout(self) -> Checkout:
        return Checkout(Path(self.root))


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


def run_smoke(folder: Path) -> SmokeRun:
    """The smoke configuration from images to tables."""
    checkout = copy_repository(folder)
    head, sources = commit(checkout.root), checkout.sources()
    started = time.perf_counter()
    result = checkout.snakemake()
    seconds = time.perf_counter() - started
    return SmokeRun(str(folder), result.stdout, result.returncode, seconds, sources, head)


@pytest.fixture(scope="session")
def smoke_run(tmp_path_factory) -> SmokeRun:
    """One finished run for all workers of the session. Not to be changed: see `finished`."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # which the workers share
    record = folder / "smoke.json"
    with FileLock(folder / "smoke.lock", timeout=HANG):  # the first worker to get here runs it
        if not record.exists():
            shutil.rmtree(folder / "smoke", ignore_errors=True)  # of a worker that failed
            (folder / "smoke").mkdir()
            record.write_text(json.dumps(asdict(run_smoke(folder / "smoke"))))
    run = SmokeRun(**json.loads(record.read_text()))
    assert run.returncode == 0, run.output
    return run


@pytest.fixture
def finished(smoke_run, tmp_path) -> Checkout:
    """A copy of the finished run, to be changed at will."""
    return smoke_run.checkout.copy(tmp_path)


@pytest.fixture(scope="module")
def clean(tmp_path_factory) -> Checkout:
    """A copy of the repository without results, for dry runs."""
    return copy_repository(tmp_path_factory.mktemp("clean"))
