"""The whole workflow, from images to tables, on the smoke configuration."""

import json
import re
from importlib.metadata import version
from itertools import product

import pandas as pd
import pytest
import yaml
from critical_batch.reporting.figures import registry
from critical_batch.tables.every import TABLES
from PIL import Image

from .checkout import SMOKE

pytestmark = pytest.mark.workflow

JOBS = {
    "dcgan/Adam/b4/seeds_0-1",
    "dcgan/Adam/b8/seeds_0-1",
    "dcgan/RMSProp/b4/seeds_0-1",
    "wgan-gp/AdaBelief/b4/seeds_0",
    "wgan-gp/AdaBelief/b4/seeds_1",
    "biggan/Adam/b4/seeds_0",
}
EXPERIMENTS = ("dcgan", "wgan-gp", "biggan")
PER_JOB = ("history.csv", "run.json", "samples.png", "generators.safetensors")
DATA = [
    f"resources/prepared/{dataset}/{file}"
    for dataset, file in product(
        ("fashion-mnist", "mnist"), ("images.npy", "labels.npy", "manifest.json")
    )
]
FEATURES = [
    f"results/features/{dataset}/{file}"
    for dataset, file in product(
        ("fashion-mnist", "mnist"),
        ("classifier.safetensors", "classifier.json", "classifier-fixed.npz"),
    )
]
FIGURES = registry.files(EXPERIMENTS)
# On demand, and no part of `all`.
ASKED_FOR = ("results/plan/plan.csv", "results/theory/learning_rates.csv")
WRITTEN = [table for table in TABLES if table.path not in ASKED_FOR]
SUMMARIES = [
    *(
        table.path.format(experiment=experiment)
        for table, experiment in product(WRITTEN, EXPERIMENTS)
        if "{optimizer}" not in table.path
    ),
    "results/recommendation.md",
    *(f"results/tables/table3.{suffix}" for suffix in ("md", "tex", "html")),
    *(f"results/report/{page}.html" for page in ("runs", "versions")),
    *(
        f"results/report/theory/{table}.html"
        for table in (
            *("estimates", "fit", "censored_fit", "noise_scale", "comparison"),
            *("bootstrap", "critical_intervals", "threshold", "fid_noise"),
        )
    ),
    "results/manifest.json",
]
SEEDS = {"biggan": "0", "dcgan": "0-1", "wgan-gp": "0"}


@pytest.fixture(scope="module")
def results(smoke_run):
    return smoke_run.checkout.root / "results"


def record(results, job):
    return json.loads((results / "runs" / job / "run.json").read_text())


def test_every_output_is_there(smoke_run, results):
    print(f"smoke run: {smoke_run.seconds:.0f} s on two cores")
    runs = results / "runs"
    assert {str(path.parent.relative_to(runs)) for path in runs.rglob("run.json")} == JOBS
    of_jobs = [f"results/runs/{job}/{file}" for job, file in product(JOBS, PER_JOB)]
    for file in DATA + FEATURES + of_jobs + SUMMARIES + FIGURES:
        assert (smoke_run.checkout.root / file).stat().st_size > 0, file


def test_nothing_else_was_touched(smoke_run):
    assert smoke_run.checkout.sources() == smoke_run.sources
    root = smoke_run.checkout.root
    assert {path.name for path in (root / "resources").iterdir()} == {"fashion-mnist", "prepared"}


def test_no_resume_state_and_no_temporary_file_is_left(smoke_run, results):
    assert not (results / "state").exists()
    assert [file for file in smoke_run.checkout.made() if "/." in file] == []


def test_a_second_run_has_nothing_to_do(finished):
    before = finished.made()
    result = finished.snakemake()
    assert result.returncode == 0
    assert "Nothing to be done" in result.stdout
    assert finished.made() == before


@pytest.mark.parametrize("table", WRITTEN, ids=lambda table: table.path)
def test_columns(results, table):
    """Every file of a table has the columns of its contract, and cells of their types."""
    wildcards = re.compile(r"\{\w+\}")
    files = sorted(results.parent.glob(wildcards.sub("*", table.path)))
    assert files
    for file in files:
        assert file.read_text().splitlines()[0].split(",") == list(table.columns)
        table.read(file)


def test_figures_are_images(results):
    for path in [results.parent / figure for figure in FIGURES]:
        if path.suffix == ".png":
            with Image.open(path) as image:
                assert min(image.size) > 100
                assert image.convert("L").getextrema()[0] < 128  # not a white sheet
        if path.suffix == ".pdf":
            assert path.read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("job", sorted(JOBS))
def test_a_seed_ends_as_its_threshold_makes_it(results, job):
    experiment = job.split("/")[0]
    threshold, status, last_step = {
        "dcgan": (95.0, "reached", 60),
        "wgan-gp": (0.1, "step-limit", 30),
        "biggan": (1000.0, "reached", 10),
    }[experiment]
    run = record(results, job)
    assert run["stop"] == {"metric": "fid", "at_most": threshold}
    assert "seeds_" + "-".join(str(seed) for seed in run["seeds"]) == job.split("/")[-1]
    assert [result["seed"] for result in run["results"]] == run["seeds"]
    for result in run["results"]:
        assert result["status"] == status
        assert result["final_step"] <= last_step
        if status == "reached":
            assert result["final_value"] <= threshold
            assert result["steps"] == result["first_hit"] == result["final_step"]
        else:
            assert result["final_value"] > threshold
            assert result["steps"] is result["first_hit"] is None
            assert result["last_miss"] == result["final_step"] == last_step


def test_statuses_reach_the_tables_as_states(results):
    steps = pd.read_csv(results / "aggregate" / "steps.csv")
    assert len(steps) == 9  # one row per seed
    reached = steps["status"] == "reached"
    assert (steps["experiment"] != "wgan-gp").equals(reached)
    assert (steps["sfo"] == steps["batch_size"] * steps["steps"])[reached].all()
    assert steps.loc[~reached, ["steps", "sfo"]].isna().all(axis=None)
    assert (steps.loc[steps["experiment"] == "biggan", "bracket_low"] == 0).all()
    critical = pd.read_csv(results / "aggregate" / "critical.csv")
    counts = critical.set_index("experiment")[["seeds", "seeds_reached"]]
    assert counts.loc["wgan-gp"].tolist() == [2, 0]
    assert counts.loc["biggan"].tolist() == [1, 1]


def test_statistics_agree_with_what_was_measured(results):
    keys = ["experiment", "optimizer"]
    tables = {
        name: pd.read_csv(results / "statistics" / f"{name}.csv").set_index(keys)
        for name in ("critical", "threshold", "fid_noise", "bootstrap")
    }
    measured = pd.read_csv(results / "aggregate" / "critical.csv").set_index(keys)
    same = {"check_names": False, "check_dtype": False}
    size = "critical_batch_size"
    pd.testing.assert_series_equal(tables["critical"][size], measured[size], **same)
    thresholds = pd.read_csv(results / "aggregate" / "networks.csv").set_index("experiment")
    configured = thresholds["threshold"].reindex(tables["threshold"].index, level="experiment")
    lowest = tables["threshold"][tables["threshold"]["threshold"] == configured]
    pd.testing.assert_frame_equal(lowest.drop(columns="threshold"), measured, **same)
    nothing = tables["bootstrap"].loc[("wgan-gp", "AdaBelief")]
    assert nothing[["median_steps", "steps_low", "steps_high"]].isna().all(axis=None)


def test_fid_noise_is_that_of_one_generator(results):
    table = pd.read_csv(results / "statistics" / "fid_noise.csv").set_index("experiment")
    runs = {"biggan": ("Adam", 4, 0), "dcgan": ("Adam", 8, 0), "wgan-gp": ("AdaBelief", 4, 0)}
    for experiment, run in runs.items():
        found = pd.read_csv(results / "noise" / f"{experiment}.csv")["distance"]
        assert (*table.loc[experiment, ["optimizer", "batch_size", "seed"]],) == run
        assert found.nunique() == table.loc[experiment, "sample_seeds"] >= 6
        assert table.loc[experiment, "sd"] == pytest.approx(found.std())
        # The generator of the loop's last evaluation: its distance there is one of the kind.
        seed = record(results, f"{experiment}/{run[0]}/b{run[1]}/seeds_{SEEDS[experiment]}")
        final = seed["results"][0]["final_value"]
        assert abs(final - found.mean()) < 6 * found.std()


def test_table3_has_measured_estimated_and_published(results):
    table = pd.read_csv(results / "tables" / "table3.csv", dtype={"section": str})
    assert table[["section", "experiment", "optimizer"]].to_numpy().tolist() == [
        ["4.1", "dcgan", "Adam"],
        ["4.1", "dcgan", "RMSProp"],
        ["4.2", "wgan-gp", "AdaBelief"],
        ["4.3", "biggan", "Adam"],
    ]
    by_experiment = table.set_index("experiment")
    assert by_experiment.loc["wgan-gp", ["measured", "measured_low", "measured_high"]].isna().all()
    assert by_experiment.loc[["dcgan", "biggan"], "measured"].isin([4, 8]).all()
    # Estimated from the ratio that Adam measured for the same generator, as in the paper.
    assert table[["estimated", "estimated_exact"]].gt(0).all(axis=None)
    own = table[table["optimizer"] == "Adam"]
    assert own["estimated_exact"].to_numpy() == pytest.approx(own["measured"].to_numpy())
    published = table[["published_measured", "published_estimated"]].astype(int)
    assert published.to_numpy().tolist() == [[32, 32], [8, 128], [4, 4], [256, 256]]


def test_published_table_reproduces_every_estimate(results):
    table = pd.read_csv(results / "tables" / "table3_published.csv", dtype={"section": str})
    assert table["section"].tolist() == ["4.1"] * 3 + ["4.2"] * 3 + ["4.3"] * 2
    assert (table["reproduced_estimate"] == table["published_estimated"]).all()


def test_manifest_says_what_ran(smoke_run, results):
    manifest = json.loads((results / "manifest.json").read_text())
    assert manifest["config"] == yaml.safe_load((smoke_run.checkout.root / SMOKE).read_text())
    assert len(manifest["config_sha256"]) == 64
    clean = None if smoke_run.commit is None else False
    assert manifest["code"] == {"commit": smoke_run.commit, "modified": clean}
    assert manifest["packages"]["torch"] == version("torch")
    assert {run["versions"]["torch"] for run in (record(results, job) for job in JOBS)} == {
        manifest["training"]["versions"][0]["torch"]
    }
    training = manifest["training"]
    assert (training["jobs"], training["seeds"], training["devices"]) == (6, 9, ["cpu"])
    runs = {
        (run["experiment"], run["optimizer"], run["batch_size"], *run["seeds"])
        for run in manifest["runs"]
    }
    assert ("wgan-gp", "AdaBelief", 4, 0) in runs
    assert ("wgan-gp", "AdaBelief", 4, 1) in runs
    assert len(runs) == len(JOBS)
    assert {status for run in manifest["runs"] for status in run["statuses"]} == {
        "reached",
        "step-limit",
    }
