"""What the README and docs/reliability.md tell is true."""

import re
from pathlib import Path

import pytest
import yaml
from critical_batch.configuration import load
from PIL import Image

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def test_the_block_for_own_images_is_a_complete_configuration(tmp_path, monkeypatch):
    (block,) = re.findall(r"```yaml\n(.*?)```", README, flags=re.DOTALL)
    assert len(block.splitlines()) <= 15
    assert f"```yaml\n{block}```" in (ROOT / "docs" / "own-data.md").read_text()
    for number in range(70):
        path = tmp_path / "my-images" / ("cats", "dogs")[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 30), (number, 0, 0)).save(path)
    monkeypatch.chdir(tmp_path)
    config = load(yaml.safe_load(block))
    assert {run.optimizer for run in config.runs()} == {"Adam", "RMSProp"}
    assert len(config.runs()) == 2 * 6
    assert config.experiments["my-gan"].metric == "classifier-FID"


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def links(page):
    return set(re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_of_the_pages_lead_somewhere(page):
    for link in links(page):
        assert link.startswith("https://") or (page.parent / link).exists(), link


def test_the_readme_leads_to_every_page():
    """Which would fail as well if links were no longer found."""
    pages = {str(page.relative_to(ROOT)) for page in PAGES[1:]}
    assert len(pages) > 5
    reached = {f"docs/{link}" for page in PAGES[1:] for link in links(page)}
    assert pages <= links(PAGES[0]) | reached
    assert "docs/design.md" in links(PAGES[0])


def test_make_targets_of_the_readme_exist():
    targets = re.findall(r"^    make ([\w-]+)", README, flags=re.MULTILINE)
    assert {"reproduce", "test"} <= set(targets)
    made = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert set(targets) <= set(made)


RELIABILITY = (ROOT / "docs" / "reliability.md").read_text()
NAMED_TESTS = sorted(set(re.findall(r"(tests/[\w/]+\.py)::(\w+)", RELIABILITY)))


@pytest.mark.parametrize(("file", "name"), NAMED_TESTS)
def test_tests_that_the_table_of_faults_names_exist(file, name):
    assert re.search(rf"^def {name}\(", (ROOT / file).read_text(), flags=re.MULTILINE)


def test_every_fault_names_a_test():
    faults, _ = RELIABILITY.split("## Wrong numbers")
    rows = re.findall(r"^\| (?!fault|---)(.*) \|$", faults, flags=re.MULTILINE)
    assert len(rows) > 30
    assert [row for row in rows if "::" not in row] == []
