"""tests/tiny_package, installed beside the workflow: its network, optimizer and data set train."""

import json
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
import yaml
from installed import install
from limits import HANG
from PIL import Image

from .checkout import REPOSITORY, Checkout, copy_repository

pytestmark = pytest.mark.workflow

PACKAGE = REPOSITORY / "tests" / "tiny_package"
TARGETS = ("recommend", "figures")
RUN = "results/runs/tiny/SignSGD/b4/seeds_0-1/run.json"
CONFIG = {
    "device": "cpu",
    "datasets": {"drawn": {"kind": "shapes", "image_size": 8, "count": 200}},
    "experiments": {
        "tiny": {
            "section": "mine",
            "title": "Networks of a package",
            "dataset": "drawn",
            "networks": {"kind": "tiny", "latent": 8, "width": 16},
            "objective": {"kind": "bce"},
            "seeds": [0, 1],
            "limits": {"steps": 20},
            "fid": {
                "features": "classifier",
                "samples": 100,
                "threshold": 1e9,
                "grid": {"kind": "linear", "every": 5},
            },
            "evaluation": {"samples": 100, "seeds": 1},
            "batch_sizes": [4, 8],
            "optimizers": {
                "SignSGD": {"generator_rate": 0.001, "discriminator_rate": 0.001},
                "Adam": {"generator_rate": 0.001, "discriminator_rate": 0.001},
            },
            "ratio": {"experiment": "tiny", "optimizer": "Adam"},
        }
    },
}


@dataclass(frozen=True)
class Installed(Checkout):
    """A checkout whose snakemake runs in an environment of its own."""

    @property
    def python(self) -> Path:
        return self.root / "environment" / "bin" / "python"

    @property
    def site(self) -> Path:
        (site,) = (self.root / "environment" / "lib").glob("python*/site-packages")
        return site

    def command(self, *words, config="tiny.yaml", cores=2):
        return [str(self.python), *super().command(*words, config=config, cores=cores)[1:]]

    def dry(self, *words: str) -> str:
        """What a dry run says, and that it ends as it should."""
        result = self.snakemake(*TARGETS, "-n", *words, config="tiny.yaml")
        return f"{result.returncode}\n{result.stdout}"

    def pip(self, *words) -> None:
        command = [sys.executable, "-m", "pip", "--python", str(self.python), *map(str, words)]
        subprocess.run(command, check=True, capture_output=True, timeout=HANG)


def make(folder: Path) -> Installed:
    """A checkout with a copy of the environment of the tests in it."""
    checkout = Installed(copy_repository(folder).root)
    command = [sys.executable, "-m", "venv", "--without-pip", folder / "environment"]
    subprocess.run(command, check=True, timeout=HANG)
    # Packages of the environment of the tests are found behind its own.
    packages = sysconfig.get_paths()["purelib"]
    (checkout.site / "tests.pth").write_text(f"import site; site.addsitedir({packages!r})\n")
    (folder / "tiny.yaml").write_text(yaml.safe_dump(CONFIG, sort_keys=False))
    return checkout


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    checkout = make(tmp_path_factory.mktemp("installed"))
    source = tmp_path_factory.mktemp("source") / "tiny_package"
    shutil.copytree(PACKAGE, source)  # where building it leaves files
    checkout.pip("install", "--no-deps", "--no-build-isolation", "--no-index", source)
    result = checkout.snakemake(*TARGETS, config="tiny.yaml")
    assert result.returncode == 0, result.stdout
    return checkout


def test_figures_and_a_recommendation_are_made(trained):
    results = trained.root / "results"
    steps = pd.read_csv(results / "aggregate/steps.csv")
    assert sorted(steps["batch_size"].unique()) == [4, 8]
    assert set(steps["optimizer"]) == {"SignSGD", "Adam"}
    (row,) = pd.read_csv(results / "aggregate/networks.csv").to_dict("records")
    hidden, pixels = 16, 8 * 8
    assert (
        row["generator_parameters"] == 8 * hidden + hidden + 2 * hidden + hidden * pixels + pixels
    )
    assert row["discriminator_parameters"] == pixels * hidden + hidden + hidden + 1
    for figure in ("sfo", "samples", "generators"):
        with Image.open(results / f"figures/tiny/{figure}.png") as image:
            assert min(image.size) > 100
    assert "SignSGD" in (results / "recommendation.md").read_text()


def test_records_name_the_package(trained):
    record = json.loads((trained.root / RUN).read_text())
    assert record["versions"]["tiny-gan"] == "1.0"
    manifest = json.loads((trained.root / "resources/prepared/drawn/manifest.json").read_text())
    assert manifest["class_names"] == ["disc", "square"]


def test_nothing_is_left_to_do_until_the_code_of_the_package_changes(trained):
    assert "Nothing to be done" in trained.dry()
    module = trained.site / "tiny_gan" / "modules.py"
    before = module.read_text()
    module.write_text("# a comment\n" + before)
    assert "Nothing to be done" in trained.dry()
    module.write_text(before.replace("LeakyReLU(0.2)", "LeakyReLU(0.1)"))
    try:
        said = trained.dry()
    finally:
        module.write_text(before)
    assert said.startswith("0\n")
    assert "train_gan" in said
    assert "Params have changed since last execution" in said


def test_a_package_that_is_not_installed_is_one_line(trained, tmp_path):
    for name in ("tiny_gan", "tiny_gan-1.0.dist-info"):
        shutil.move(trained.site / name, tmp_path / name)
    try:
        said = trained.dry()
    finally:
        for name in ("tiny_gan", "tiny_gan-1.0.dist-info"):
            shutil.move(tmp_path / name, trained.site / name)
    print(said)
    assert said == ""


def test_two_packages_with_an_entry_of_one_name_are_one_line(trained):
    metadata = install(
        trained.site, "other", {}, {"networks": {"tiny": "tiny_gan.entries:OPTIMIZER"}}
    )
    try:
        said = trained.dry()
    finally:
        shutil.rmtree(metadata)
    print(said)
    assert said == ""


def test_an_entry_of_another_kind_is_one_line(trained):
    metadata = install(
        trained.site, "other", {}, {"networks": {"odd": "tiny_gan.entries:OPTIMIZER"}}
    )
    try:
        said = trained.dry()
    finally:
        shutil.rmtree(metadata)
    print(said)
    assert said == ""
