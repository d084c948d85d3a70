"""The committed reference run, and the README that shows it."""

import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from critical_batch.reporting.pages.reference import BEGIN, END, KEPT, readme_table, with_table
from critical_batch.runtime.errors import UserError
from critical_batch.runtime.files import read_json, write_json
from critical_batch.tables.aggregate import CRITICAL
from critical_batch.tables.results import TABLE3
from critical_batch.tables.theory import ESTIMATES

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
SCRIPT = ROOT / "workflow" / "scripts" / "update_reference.py"
TITLES = {"dcgan-fashion": "DCGAN on Fashion-MNIST", "own": "Own"}


def shown_table(readme):
    return readme.partition(f"{BEGIN}\n")[2].partition(END)[0]


def table_of(folder):
    """Table 3 of a reference as its README must show it."""
    config = read_json(folder / "manifest.json")["config"]
    return readme_table(
        TABLE3.read(folder / "table3.csv"),
        CRITICAL.read(folder / "critical.csv"),
        ESTIMATES.read(folder / "estimates.csv"),
        {name: experiment["title"] for name, experiment in config["experiments"].items()},
    )


@pytest.fixture
def results(tmp_path):
    """A folder with the files of a finished run that the reference keeps."""
    folder = tmp_path / "results"
    measured = [
        ("4.1", "dcgan-fashion", "Adam", 4, 4, 8, 4, 4.0, 32, 32),
        ("4.1", "dcgan-fashion", "RMSProp", 2, 2, 2, 4, 3.9528, 8, 128),
        ("9.9", "own", "Adam", None, None, None, None, None, None, None),
    ]
    critical = [("dcgan-fashion", "Adam", 4, 4, 8, "", 3, 3)]
    critical += [("dcgan-fashion", "RMSProp", 2, 2, 2, "smallest", 3, 2)]
    critical += [("own", "Adam", None, None, None, "", 3, 0)]
    estimates = [("dcgan-fashion", "4.1", "Adam", "dcgan-fashion", "Adam", 19.1, 4.0, 4, 4.0, 4)]
    frames = {
        "tables/table3.csv": (measured, TABLE3),
        "aggregate/critical.csv": (critical, CRITICAL),
        "theory/estimates.csv": (estimates, ESTIMATES),
    }
    for name, (rows, contract) in frames.items():
        (folder / name).parent.mkdir(parents=True)
        contract.frame(rows).to_csv(folder / name, index=False)
    experiments = {name: {"title": title} for name, title in TITLES.items()}
    write_json(folder / "manifest.json", {"config": {"experiments": experiments}})
    (folder / "figures/dcgan-fashion").mkdir(parents=True)
    (folder / "figures/dcgan-fashion/sfo.png").write_bytes(b"picture")
    (folder / "figures/dcgan-fashion/sfo.csv").write_text("data\n")
    return folder


def update(folder):
    command = [sys.executable, SCRIPT, "--reference", "reference"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_a_run_becomes_the_reference(results, tmp_path):
    (tmp_path / "README.md").write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    ended = update(tmp_path)
    assert ended.returncode == 0, ended.stderr
    reference = tmp_path / "reference"
    for name, kept in KEPT.items():
        assert (reference / kept).read_bytes() == (results / name).read_bytes()
    assert (reference / "dcgan-fashion-sfo.png").read_bytes() == b"picture"
    text = (tmp_path / "README.md").read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    lines = shown_table(text).splitlines()
    dash = "\N{EN DASH}"
    assert lines[2:] == [
        "| 4.1 | DCGAN on Fashion-MNIST | *Adam* | 4 | 4 to 8 | 4 | 4.000 | 32 | 32 |",
        "| 4.1 |  | RMSProp | 2 (bound) | 2 | 4 | 3.953 | 8 | 128 |",
        f"| 9.9 | Own | Adam |{f' {dash} |' * 6}",
    ]
    assert shown_table(text) == table_of(reference)


@pytest.mark.parametrize("gone", ["manifest.json", "figures/dcgan-fashion/sfo.png"])
def test_an_unfinished_run_changes_nothing(results, tmp_path, gone):
    readme = f"{BEGIN}\nold\n{END}\n"
    (tmp_path / "README.md").write_text(readme)
    (results / gone).unlink()
    ended = update(tmp_path)
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"error: results/{gone} is missing")
    assert (tmp_path / "README.md").read_text() == readme
    assert not (tmp_path / "reference").exists()


def test_a_readme_without_marks_is_refused():
    for text in ("", BEGIN, f"{END}\n{BEGIN}"):
        with pytest.raises(UserError, match="the README lacks"):
            with_table(text, "table\n")


README = (ROOT / "README.md").read_text()
committed = pytest.mark.skipif(
    not (REFERENCE / "manifest.json").exists(),
    reason="docs/reference has no run yet: make reproduce && make reference",
)


def test_the_readme_has_a_place_for_the_table_and_shows_a_picture_of_the_reference():
    assert with_table(README, shown_table(README)) == README
    (picture,) = re.findall(r"!\[[^]]*\]\(([^)]+)\)", README)
    assert (ROOT / picture).parent == REFERENCE


@committed
def test_the_readme_shows_table3_of_the_reference():
    assert shown_table(README) == table_of(REFERENCE)


@committed
def test_the_picture_is_of_the_same_run():
    """The critical sizes drawn into it are those of the table."""
    (picture,) = re.findall(r"!\[[^]]*\]\(([^)]+)\)", README)
    data = pd.read_csv((ROOT / picture).with_suffix(".csv"))
    table = TABLE3.read(REFERENCE / "table3.csv")
    drawn = data.groupby("optimizer")["critical_batch_size"].first().dropna().astype(int)
    own = table[(table["experiment"] == "dcgan-fashion") & table["measured"].notna()]
    assert drawn.to_dict() == own.set_index("optimizer")["measured"].to_dict()


@committed
def test_the_reference_is_a_run_of_committed_code_with_the_default_configuration():
    manifest = read_json(REFERENCE / "manifest.json")
    assert manifest["code"]["modified"] is False
    assert manifest["config"] == yaml.safe_load((ROOT / "config.yaml").read_text())
