"""A folder of images, the block of docs/own-data.md, one command: a recommended batch size."""

import os
import re
import shutil

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
    # No threshold that 60 images justify: every seed arrives at its first step, so that N is 1.
    experiment["fid"] |= {"samples": 100, "threshold": 1e9, "grid": {"kind": "linear", "every": 1}}
    experiment |= {"seeds": [0, 1], "limits": {"steps": 30}, "batch_sizes": [2, 4, 8]}
    experiment["evaluation"] = {"samples": 100, "seeds": 1}
    return settings


@pytest.fixture(scope="module")
def finished_run(tmp_path_factory):
    checkout = copy_repository(tmp_path_factory.mktemp("own"))
    draw_images(checkout.root / "my-images")
    (checkout.root / "my.yaml").write_text(yaml.safe_dump(small_settings(), sort_keys=False))
    result = checkout.snakemake(*TARGETS, config="my.yaml")
    assert result.returncode == 0, result.stdout
    return checkout


@pytest.fixture
def own(finished_run, tmp_path):
    """A copy to be changed at will."""
    return finished_run.copy(tmp_path / "copy")


@pytest.fixture(scope="module")
def results(finished_run):
    return finished_run.root / "results"


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


# ---------------------------------------------------------------- folders as users have them


@pytest.fixture(scope="module")
def as_found(tmp_path_factory):
    """A checkout whose folder has a linked class, other formats, and files that are no pictures.

    60 pictures, of which one is damaged: 30 of the class that is a link, 29 of the other.
    """
    checkout = copy_repository(tmp_path_factory.mktemp("found"))
    folder = checkout.root / "my-images"
    draw_images(folder)
    (folder / "right").rename(checkout.root / "elsewhere")
    (folder / "right").symlink_to("../elsewhere")
    (folder / "left/0.png").rename(folder / "left/no-suffix")
    with Image.open(folder / "left/2.png") as picture:
        picture.save(folder / "left/2.gif")
    (folder / "left/2.png").unlink()
    (folder / "left/notes.txt").write_text("no picture")
    (folder / "left/gone.png").symlink_to("nowhere.png")
    (folder / "@eaDir").mkdir()
    (folder / "left/4.png").write_bytes((folder / "left/4.png").read_bytes()[:300])
    return checkout


def with_settings(checkout, batch_size):
    settings = small_settings()
    settings["datasets"]["mine"]["max_skipped_share"] = 0.1
    settings["experiments"]["my-gan"] |= {"batch_sizes": [batch_size], "seeds": [0]}
    (checkout.root / "my.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))


def test_the_report_names_classes_counts_and_what_was_not_used(as_found):
    with_settings(as_found, 4)
    result = as_found.snakemake("results/report/data.html", config="my.yaml")
    assert result.returncode == 0, result.stdout
    text = (as_found.root / "results/report/data.html").read_text()
    assert "59 images of 8 x 8 x 3, 2 classes, 1 image skipped." in text
    for words in ("left/4.png", "left/notes.txt", "left/gone.png", "@eaDir", "link to nothing"):
        assert words in text
    assert "59 real images are too few for 64 features" in text
    log = (as_found.root / "results/logs/prepare_data/mine.log").read_text()
    assert "mine: 59 images, 1 skipped\nmine: 2 classes: 'left' 29, 'right' 30\n" in log


def test_a_batch_above_the_images_that_were_readable_is_one_line(as_found):
    """60 files, of which 59 can be read: what is known only after preparation is said then."""
    with_settings(as_found, 60)
    probe = "results/probes/gradient_noise/my-gan.csv"
    record = "results/runs/my-gan/Adam/b60/seeds_0/run.json"
    result = as_found.snakemake(record, probe, "--keep-going", config="my.yaml")
    assert result.returncode != 0
    rest = "60 is above the 59 images that could be read of mine (1 could not): use at most 59"
    assert f"error: experiments.my-gan.batch_sizes: {rest}" in result.stdout
    assert f"error: experiments.my-gan.noise_probe.batch_size: {rest}" in result.stdout
    assert "ZeroDivisionError" not in result.stdout
    assert "Traceback" not in result.stdout


# ------------------------------------------------------------------------------- the images' folder


def touch(root, settings):
    for path in (root / "my-images").rglob("*"):
        os.utime(path)


def move(root, settings):
    (root / "my-images").rename(root / "moved")
    settings["root"] = "moved"


def copy(root, settings):
    shutil.copytree(root / "my-images", root / "copied", copy_function=shutil.copyfile)
    settings["root"] = str(root / "copied")


def end_with_a_slash(root, settings):
    settings["root"] = "my-images/"


def allow_more_damage(root, settings):
    settings["max_skipped_share"] = 0.5


def take_away(root, settings):
    shutil.rmtree(root / "my-images")


CHANGES = [touch, move, copy, end_with_a_slash, allow_more_damage, take_away]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_the_same_pixels_are_trained_on_once(own, change):
    """Whatever happens to the folder, preparation at most runs again, in the call that needs it."""
    settings = yaml.safe_load((own.root / "my.yaml").read_text())
    change(own.root, settings["datasets"]["mine"])
    (own.root / "my.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
    result = own.snakemake(*TARGETS, config="my.yaml")
    assert result.returncode == 0, result.stdout
    ran = set(re.findall(r"Finished jobid: \d+ \(Rule: (\w+)\)", result.stdout))
    assert ran == (set() if change is take_away else {"prepare_data"})


@pytest.mark.parametrize(
    ("key", "value"), [("image_size", 16), ("channels", 1), ("resize", "squash")]
)
def test_settings_that_need_images_which_are_gone_are_one_line(own, key, value):
    settings = yaml.safe_load((own.root / "my.yaml").read_text())
    settings["datasets"]["mine"][key] = value
    (own.root / "my.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
    shutil.rmtree(own.root / "my-images")
    before = own.made()
    result = own.snakemake("--dry-run", config="my.yaml")
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("error:")]
    assert line.startswith(f"error: config: datasets.mine.{key} is ")
    assert line.endswith("are not in 'my-images': put them back, or change it back")
    assert own.made() == before


def test_images_that_are_gone_before_they_were_prepared_are_one_line(own):
    shutil.rmtree(own.root / "my-images")
    shutil.rmtree(own.root / "resources/prepared")
    result = own.snakemake("--dry-run", config="my.yaml")
    assert result.returncode != 0
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("error:")]
    assert line.startswith("error: config: datasets.mine.root is 'my-images', not a folder")
