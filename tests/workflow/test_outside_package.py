"""tests/tiny_package, installed beside the workflow: its network, optimizer and data set train."""

import json
import re
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
PAGE = (REPOSITORY / "docs" / "extending.md").read_text()
TARGETS = ("recommend", "results/figures/tiny/sfo.png")
RUN = "results/runs/tiny/SignSGD/b4/seeds_0-1/run.json"


def small_settings():
    """The page's configuration, cut down to what trains in seconds."""
    (block,) = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
    settings = yaml.safe_load(block)
    experiment = settings["experiments"]["tiny"]
    # No threshold that so few images justify: every seed arrives at its first evaluation.
    experiment["fid"] |= {"samples": 100, "threshold": 1e9, "grid": {"kind": "linear", "every": 5}}
    experiment |= {"seeds": [0, 1], "limits": {"steps": 20}, "batch_sizes": [4, 8]}
    experiment["evaluation"] = {"samples": 100, "seeds": 1}
    experiment["optimizers"]["Adam"]["batch_sizes"] = [4]
    return settings


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

    def command(self, *words, config=None, cores=2):
        return [str(self.python), *super().command(*words, config="tiny.yaml", cores=cores)[1:]]

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
    (folder / "tiny.yaml").write_text(yaml.safe_dump(small_settings(), sort_keys=False))
    return checkout


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    checkout = make(tmp_path_factory.mktemp("installed"))
    source = tmp_path_factory.mktemp("source") / "tiny_package"
    shutil.copytree(PACKAGE, source)  # where building it leaves files
    checkout.pip("install", "--no-deps", "--no-build-isolation", "--no-index", source)
    result = checkout.snakemake(*TARGETS)
    assert result.returncode == 0, result.stdout
    return checkout


def test_figures_and_a_recommendation_are_made(trained):
    results = trained.root / "results"
    steps = pd.read_csv(results / "aggregate/steps.csv")
    sizes = steps.groupby("optimizer")["batch_size"].unique().map(sorted).to_dict()
    assert sizes == {"Adam": [4], "SignSGD": [4, 8]}
    (row,) = pd.read_csv(results / "aggregate/networks.csv").to_dict("records")
    hidden, pixels = 16, 8 * 8
    assert row["generator_parameters"] == (8 + 1 + 2) * hidden + (hidden + 1) * pixels
    assert row["discriminator_parameters"] == (pixels + 1) * hidden + hidden + 1
    with Image.open(results / "figures/tiny/sfo.png") as image:
        assert min(image.size) > 100
    assert "SignSGD" in (results / "recommendation.md").read_text()


def test_records_name_the_package(trained):
    record = json.loads((trained.root / RUN).read_text())
    assert record["versions"]["tiny-gan"] == "1.0"
    assert [result["status"] for result in record["results"]] == ["reached", "reached"]
    manifest = json.loads((trained.root / "resources/prepared/drawn/manifest.json").read_text())
    assert (manifest["kind"], manifest["class_counts"]) == ("shapes", [100, 100])


def refusal(checkout: Installed) -> str:
    """The one line with which a dry run ends that does not plan anything."""
    result = checkout.snakemake(*TARGETS, "-n")
    assert result.returncode == 1
    (line,) = [line for line in result.stdout.splitlines() if not line.startswith("Using ")]
    return line


def test_a_package_that_is_not_installed_is_one_line(trained, tmp_path):
    names = ("tiny_gan", "tiny_gan-1.0.dist-info")
    for name in names:
        shutil.move(trained.site / name, tmp_path / name)
    try:
        line = refusal(trained)
    finally:
        for name in names:
            shutil.move(tmp_path / name, trained.site / name)
    assert line.startswith("error: config: ")
    assert line.endswith(", or install the package that brings it")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "tiny",
            "error: the package tiny-gan 1.0 and the package other 1.0 both bring tiny to "
            "critical_batch.networks: uninstall one of them",
        ),
        (
            "odd",
            "error: the package other 1.0 brings odd to critical_batch.networks, but "
            "tiny_gan.entries:OPTIMIZER is a Optimizer: make it a NetworkKind (docs/extending.md)",
        ),
    ],
    ids=["of a name that is taken", "of another kind"],
)
def test_an_entry_that_cannot_be_used_is_one_line(trained, name, message):
    metadata = install(
        trained.site, "other", {}, {"networks": {name: "tiny_gan.entries:OPTIMIZER"}}
    )
    try:
        assert refusal(trained) == message
    finally:
        shutil.rmtree(metadata)


def test_an_edit_of_the_package_trains_again(trained):
    """The last test, as it changes what is installed."""
    module, record = trained.site / "tiny_gan" / "modules.py", trained.root / RUN
    source, before = module.read_text(), json.loads(record.read_text())
    module.write_text("# a comment\n" + source)
    assert "Nothing to be done" in trained.snakemake(RUN, "-n").stdout
    module.write_text(source.replace("LeakyReLU(0.2)", "LeakyReLU(0.1)"))
    said = trained.snakemake(RUN).stdout
    assert "Training tiny: SignSGD, b = 4" in said
    assert "Params have changed since last execution" in said
    after = json.loads(record.read_text())
    assert after["dataset"] == before["dataset"]
    assert after["results"][0]["final_value"] != before["results"][0]["final_value"]
