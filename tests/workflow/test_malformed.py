"""Malformed configurations: one line with the key or file and the remedy, and nothing happens."""

import csv
import hashlib
import json
import os

import pytest
from PIL import Image

from .malformed import CHANGES, FILES, WORDS

pytestmark = pytest.mark.workflow


def everything(checkout):
    """Every file of the checkout with its digest, and what lies beside the checkout."""
    inside = {
        str(path.relative_to(checkout.root)): path.is_file()
        and hashlib.sha256(path.read_bytes()).hexdigest()
        for path in checkout.root.rglob("*")
        if not {".snakemake", "__pycache__"} & set(path.relative_to(checkout.root).parts)
    }
    return inside, sorted(os.listdir(checkout.root.parent))


def refusal(checkout, *words):
    """The line that snakemake ends with, less `error: config: `; nothing else may have happened."""
    before = everything(checkout)
    result = checkout.quick("--cores", "1", *words)
    output = result.stdout + result.stderr
    assert everything(checkout) == before
    assert result.returncode == 1, output
    for sign in ("Traceback", "Job stats", "localrule", "Error in rule"):
        assert sign not in output, output
    said = [
        line
        for line in output.splitlines()
        if not line.startswith(
            ("Using workflow specific profile", "Config file config.yaml is ext")
        )
    ]
    assert len(said) == 1, output
    assert said[0].startswith("error: config: ")
    return said[0].removeprefix("error: config: ")


def test_a_quick_start_says_what_the_command_says(clean):
    """The mistakes below are tried with `Checkout.quick`."""
    config = clean.changed_config(CHANGES["unknown key"][0])
    full = clean.snakemake(config=config, cores=1)
    quick = clean.quick("--cores", "1", "--configfile", config)
    assert (quick.returncode, quick.stdout + quick.stderr) == (full.returncode, full.stdout)


def test_there_are_sixty_and_more():
    assert len(CHANGES) + len(FILES) + len(WORDS) >= 60


@pytest.mark.parametrize("mistake", CHANGES)
def test_a_mistake_is_one_line(clean, mistake):
    change, message = CHANGES[mistake]
    line = refusal(clean, "--configfile", clean.changed_config(change))
    assert line.startswith(message)
    assert len(line) < 500


@pytest.mark.parametrize("mistake", FILES)
def test_a_file_that_is_no_configuration_is_one_line(clean, mistake):
    content, message = FILES[mistake]
    (clean.root / "changed.yaml").write_bytes(content)
    assert refusal(clean, "--configfile", "changed.yaml").startswith(f"'changed.yaml'{message}")


@pytest.mark.parametrize("mistake", WORDS)
def test_a_mistake_on_the_command_line_is_one_line(clean, mistake):
    words, message = WORDS[mistake]
    assert refusal(clean, *words).startswith(message)


def test_a_damaged_default_is_one_line(clean, tmp_path):
    checkout = clean.copy(tmp_path / "checkout")
    (checkout.root / "config.yaml").write_text("device: cpu\ndevice: cuda\n")
    assert refusal(checkout).startswith("'config.yaml' has the key 'device' twice, line 1 and")
    (checkout.root / "config.yaml").unlink()
    assert refusal(checkout).startswith("'config.yaml' is not there")


HOSTILE = """my images '"$(touch pwned)`touch pwned`;touch pwned &"""


def test_hostile_folders_are_only_ever_names(clean, tmp_path):
    """As the folder of the images and as the folder of the checkout."""
    checkout = clean.copy(tmp_path / HOSTILE)
    folder = HOSTILE + "{x}"  # not for the checkout: Snakemake takes it for a wildcard
    for number in range(20):
        path = checkout.root / folder / "ab"[number % 2] / f"{number} $(touch pwned).png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), 10 * number).save(path)

    def change(settings):
        own = {"kind": "image_folder", "root": folder, "image_size": 8, "channels": 1}
        settings["datasets"]["mine"] = {**own, "labels": "folders"}

    config = checkout.changed_config(change)
    prepared = "resources/prepared/mine/manifest.json"
    result = checkout.snakemake(prepared, "published", config=config, cores=1)
    assert result.returncode == 0, result.stdout
    manifest = json.loads((checkout.root / prepared).read_text())
    assert (manifest["images"], manifest["class_names"]) == (20, ["a", "b"])
    assert manifest["source"] == f"image folder {folder}"
    assert list(tmp_path.rglob("pwned")) == []
    assert {path.name for path in tmp_path.iterdir()} == {HOSTILE}


def test_numbers_inside_a_nested_value_of_the_command_line_work(clean, tmp_path):
    """They arrive as text; here they set the limits that the plan is made of, and a job reads."""
    nested = "experiments={dcgan: {limits: {steps: 7}, fid: {grid: {first: 2}}, seeds: [3]}}"
    checkout = clean.copy(tmp_path / "checkout")
    result = checkout.snakemake("plan", "--config", nested, "device=cpu", cores=1)
    assert result.returncode == 0, result.stdout
    with open(checkout.root / "results/plan/plan.csv", newline="") as file:
        rows = {(row["experiment"], row["batch_size"]): row for row in csv.DictReader(file)}
    row = rows["dcgan", "8"]
    assert (row["steps"], row["samples"]) == ("7", str(7 * 8))
