"""The manifest of a run, whatever the shell and the installed packages look like."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from critical_batch.runs.record import write_record

SCRIPT = Path("workflow/scripts/write_manifest.py").resolve()


@pytest.fixture
def written(tmp_path):
    """A function: the manifest of one job under variables of the shell, and what was said."""
    (tmp_path / "history.csv").write_text("seed\n")
    job = {"experiment": "e", "optimizer": "Adam", "batch_size": 4, "seeds": [0], "seconds": 1.0}
    job |= {"device": "cpu", "versions": {}, "results": [{"status": "reached"}]}
    write_record(tmp_path / "run.json", job, [tmp_path / "history.csv"])
    (tmp_path / "runs.txt").write_text(str(tmp_path / "run.json"))

    def write(cwd=".", **variables):
        command = [sys.executable, SCRIPT, "--config", "{}", "--output", tmp_path / "m.json"]
        result = subprocess.run(
            [*command, "--runs-file", tmp_path / "runs.txt"],
            cwd=cwd,
            env=os.environ | variables,
            capture_output=True,
            text=True,
        )
        assert result.returncode == 0, result.stderr
        return json.loads((tmp_path / "m.json").read_text()), result.stderr

    return write


BROKEN = {
    "empty": {},
    "no name": {"METADATA": b"Version: 1.0\n"},
    "no version": {"METADATA": b"Name: half\n"},
    "not text": {"METADATA": b"\xff\xfe\x00Name: \xe4\n"},
    "a folder in place of the file": {"METADATA": None},
}


@pytest.mark.parametrize("case", BROKEN)
@pytest.mark.parametrize("suffix", ["dist-info", "egg-info"])
def test_packages_without_metadata_are_named_and_left_out(written, tmp_path, case, suffix):
    folder = tmp_path / "site" / f"half-1.0.{suffix}"
    folder.mkdir(parents=True)
    for name, content in BROKEN[case].items():
        name = "PKG-INFO" if suffix == "egg-info" else name
        if content is None:
            (folder / name).mkdir()
        else:
            (folder / name).write_bytes(content)
    manifest, said = written(PYTHONPATH=str(tmp_path / "site"))
    assert "numpy" in manifest["packages"]
    assert all(isinstance(version, str) for version in manifest["packages"].values())
    assert f"half-1.0.{suffix}" in said
    assert "packages without readable metadata: 1" in said
    assert "half" not in manifest["packages"]


def test_of_two_versions_the_one_that_is_imported_counts(written, tmp_path):
    for place, version in (("first", "2.0"), ("second", "1.0")):
        folder = tmp_path / place / f"twice-{version}.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(f"Name: twice\nVersion: {version}\n")
    paths = os.pathsep.join(str(tmp_path / place) for place in ("first", "second"))
    manifest, said = written(PYTHONPATH=paths)
    assert manifest["packages"]["twice"] == "2.0"
    assert said == ""


def test_the_commit_is_that_of_this_code(written, tmp_path):
    here, _ = written()
    (tmp_path / "other").mkdir()
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path / "other", check=True)
    elsewhere, _ = written(cwd=tmp_path / "other", GIT_DIR=str(tmp_path / "other/.git"))
    assert elsewhere["code"] == here["code"]
