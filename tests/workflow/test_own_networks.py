"""docs/own-networks.md as it stands: its two files and configuration train, and are drawn."""

import re

import pandas as pd
import pytest
import yaml
from page_files import files_of_page
from PIL import Image

from .checkout import REPOSITORY, copy_repository

pytestmark = pytest.mark.workflow

PAGE = (REPOSITORY / "docs" / "own-networks.md").read_text()


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    checkout = copy_repository(tmp_path_factory.mktemp("networks"))
    for path, code in files_of_page(PAGE).items():
        (checkout.root / path).write_text(code)
    (line,) = re.findall(r"`(networks: {kind: .*?})` trains it", PAGE)

    def change(settings):
        experiment = settings["experiments"]["dcgan"] | yaml.safe_load(line)
        experiment["optimizers"].pop("RMSProp")
        experiment["limits"] = {"steps": 20}
        experiment["evaluation"] = {"samples": 100, "seeds": 1}
        settings["experiments"] = {"dcgan": experiment}
        settings["datasets"].pop("mnist")

    config = checkout.changed_config(change)
    result = checkout.snakemake("recommend", "figures", config=config)
    assert result.returncode == 0, result.stdout
    return checkout.root / "results"


def test_the_networks_of_the_page_train(results):
    steps = pd.read_csv(results / "aggregate/steps.csv")
    assert sorted(steps["batch_size"].unique()) == [4, 8]
    (row,) = pd.read_csv(results / "aggregate/networks.csv").to_dict("records")
    pixels = 8 * 8
    assert row["generator_parameters"] == 64 * 256 + 256 + 256 * pixels + pixels
    assert row["discriminator_parameters"] == pixels * 256 + 256 + 256 + 1


def test_figures_and_a_recommendation_are_made_of_them(results):
    for figure in ("sfo", "samples", "generators"):
        with Image.open(results / f"figures/dcgan/{figure}.png") as image:
            assert min(image.size) > 100
    assert "(`dcgan`)" in (results / "recommendation.md").read_text()
