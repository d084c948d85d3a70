"""The paper's grid: planned as published, and run in miniature on the real file formats."""

import json
import sys
from pathlib import Path

import pandas as pd
import pytest

from .checkout import copy_repository

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))
import raw_data_examples as raw

pytestmark = [pytest.mark.workflow]


def test_the_papers_grid_is_planned_without_its_data(clean):
    result = clean.snakemake("-n", "--quiet", "rules", config="paper.yaml")
    assert result.returncode == 0, result.stdout
    counts = dict(line.split()[:2] for line in result.stdout.splitlines() if len(line.split()) == 2)
    jobs = 3 * (7 + 7 + 11) + 3 * (6 + 6 + 9) + (6 + 6)
    assert (counts["train_gan"], counts["evaluate_runs"]) == (str(jobs), "8")
    assert counts["prepare_data"] == "3"


def test_the_cost_of_the_papers_grid_is_printed(clean):
    result = clean.snakemake("plan", config="paper.yaml", cores=1)
    assert result.returncode == 0, result.stdout
    assert "biggan-imagenet        2048" in result.stdout
    assert "total: 150 jobs" in result.stdout


@pytest.fixture(scope="module")
def miniature(tmp_path_factory):
    checkout = copy_repository(tmp_path_factory.mktemp("miniature"))
    raw.write_lsun(checkout.root / "resources/lsun", raw.lsun_images(30, size=(90, 70)))
    raw.write_celeba(checkout.root / "resources/celeba")
    raw.write_tree(checkout.root / "resources/imagenet", raw.imagenet_files())
    result = checkout.snakemake(config="tests/paper-miniature.yaml")
    assert result.returncode == 0, result.stdout
    return checkout.root


def test_the_miniature_runs_through_the_whole_dag(miniature):
    table = pd.read_csv(miniature / "results/tables/table3.csv", dtype={"section": str})
    assert table["section"].tolist() == ["4.1", "4.1", "4.1", "4.2", "4.3"]
    networks = pd.read_csv(miniature / "results/aggregate/networks.csv").set_index("experiment")
    assert networks.loc["dcgan-lsun", "generator_parameters"] == 3_576_704
    assert networks.loc["wgan-gp-celeba", "discriminator_parameters"] == 2_765_568
    assert networks["images"].to_dict() == {
        "biggan-imagenet": 91,
        "dcgan-lsun": 30,
        "wgan-gp-celeba": 6,
    }


def test_random_weights_are_marked_in_every_output(miniature):
    networks = pd.read_csv(miniature / "results/aggregate/networks.csv")
    assert set(networks["metric"]) == {"FID (random weights)"}
    for path in miniature.glob("results/runs/**/run.json"):
        record = json.loads(path.read_text())
        assert record["metric"] == "FID (random weights)"
        assert record["results"][0]["status"] == "step-limit"
