"""A folder of images, the block of docs/own-data.md, one command: a recommended batch size."""

import re

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from .checkout import REPOSITORY, copy_repository

pytestmark = pytest.mark.workflow

TARGETS = ["recommend", "compare_critical_sizes", "results/figures/my-gan/sfo.png"]


def draw_images(root):
    """60 pictures of 20 x 12 pixels: bright left halves and bright right halves, with noise."""
    random = np.random.default_rng(0)
    for number in range(60):
        name = ("left", "right")[number % 2]
        pixels = random.integers(0, 90, (12, 20, 3), dtype=np.uint8)
        half = slice(0, 10) if name == "left" else slice(10, 20)
        pixels[:, half] += 120
        (root / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(root / name / f"{number}.png")


def small_settings():
    """The page's block, cut down to what two seeds train in seconds."""
    page = (REPOSITORY / "docs" / "own-data.md").read_text()
    (block,) = re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL)
    settings = yaml.safe_load(block)
    experiment = settings["experiments"]["my-gan"]
    settings["datasets"]["mine"]["image_size"] = 8
    experiment["networks"] |= {"latent": 8, "generator_width": 4, "discriminator_width": 4}
    experiment["optimizers"].pop("RMSProp")
    # No threshold that 60 images justify: every seed arrives at its first evaluation.
    experiment["fid"] |= {"samples": 100, "threshold": 1e9, "grid": {"kind": "linear", "every": 10}}
    experiment |= {"seeds": [0, 1], "limits": {"steps": 30}, "batch_sizes": [2, 4, 8]}
    experiment["evaluation"] = {"samples": 100, "seeds": 1}
    return settings


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    checkout = copy_repository(tmp_path_factory.mktemp("own"))
    draw_images(checkout.root / "my-images")
    (checkout.root / "my.yaml").write_text(yaml.safe_dump(small_settings(), sort_keys=False))
    result = checkout.snakemake(*TARGETS, config="my.yaml")
    assert result.returncode == 0, result.stdout
    return checkout.root / "results"


def test_the_recommendation_has_an_interval_and_says_what_to_do_next(results):
    (row,) = pd.read_csv(results / "tables/recommendation.csv").to_dict("records")
    assert (row["experiment"], row["optimizer"]) == ("my-gan", "Adam")
    assert row["fewest_low"] <= row["fewest_gradients"] == 2 <= row["fewest_high"]
    assert row["finishes_first"] in (2, 4, 8)
    assert row["smallest_reaching"] == 2
    assert row["seconds"] > 0
    assert row["certainty"] == "try smaller"
    text = (results / "recommendation.md").read_text()
    assert "## DCGAN on my images (`my-gan`)" in text
    assert "**Fewest gradient evaluations: b = 2**" in text
    assert "Try smaller." in text


def test_optimizers_that_were_not_trained_are_estimated_where_the_theory_allows(results):
    others = pd.read_csv(results / "tables/other_optimizers.csv").set_index("optimizer")
    assert {"AdaBelief", "RMSProp", "AMSGrad"} <= set(others.index)
    assert others.loc["AdaBelief", "estimated_exact"] == pytest.approx(1.0)  # half of Adam's 2
    assert others.loc["RMSProp", "estimated"] >= 1
    assert pd.isna(others.loc["AMSGrad", "estimated"])
    assert "| AMSGrad | unavailable: the theory" in (results / "recommendation.md").read_text()


def test_every_batch_size_has_its_cost_in_evaluations_and_in_time(results):
    speed = pd.read_csv(results / "aggregate/speed.csv")
    assert speed["batch_size"].tolist() == [2, 4, 8]
    assert (speed["seed_steps_per_second"] > 0).all()
    curve = pd.read_csv(results / "figures/my-gan/sfo.csv")
    assert set(curve["batch_size"]) == {2, 4, 8}
    with Image.open(results / "figures/my-gan/sfo.png") as image:
        assert min(image.size) > 100


def test_the_noise_of_the_gradients_was_measured_without_the_sweep(results):
    probe = pd.read_csv(results / "probes/gradient_noise/my-gan.csv")
    assert set(probe["player"]) == {"generator", "discriminator"}
    assert set(probe["batch_size"]) == {4}
    assert (probe["trace"] > 0).all()
    (row,) = pd.read_csv(results / "theory/comparison.csv").to_dict("records")
    assert row["measured"] == 2
    assert row["at_edge"] == "smallest"
