"""Runs of two clones, as of two clusters, put together (docs/cluster.md)."""

import os
import shutil

import pytest

from .checkout import Checkout

pytestmark = pytest.mark.workflow

README = "results/README.md"
RECORDS = ".snakemake/metadata"


@pytest.fixture
def clones(finished, tmp_path_factory) -> tuple[Checkout, Checkout]:
    """Two clones with the same data and features: the other ran section 4.1, this one the rest."""
    there = finished.copy(tmp_path_factory.mktemp("there"))
    keep_runs(finished, ("wgan-gp", "biggan"))
    keep_runs(there, ("dcgan",))
    return finished, there


def keep_runs(clone, experiments):
    """Removes other runs, what was made of all, and Snakemake's records of both."""
    made = [path for path in clone.made() if path.startswith("results/") and path != README]
    kept = ("features", "logs", "benchmarks", *(f"runs/{experiment}" for experiment in experiments))
    gone = [path for path in made if not path.startswith(tuple(f"results/{k}" for k in kept))]
    for path in gone:
        (clone.root / path).unlink()
    declared = [path for path in gone if not path.endswith("/distances.json")]
    result = clone.snakemake("--cleanup-metadata", *declared)
    assert result.returncode == 0, result.stdout


def copy(there, here, folder):
    """rsync -a there/folder/ here/folder/"""
    shutil.copytree(there.root / folder, here.root / folder, dirs_exist_ok=True)


def trainings(clone):
    plan = clone.plan()
    return {file.split("/")[2] for file, rule in plan.items() if rule == "train_gan"}


def test_runs_of_another_cluster_are_not_trained_again(clones):
    here, there = clones
    assert trainings(here) == {"dcgan"}
    assert trainings(there) == {"wgan-gp", "biggan"}
    copy(there, here, "results/runs")
    copy(there, here, RECORDS)
    for name in here.sources():  # as where this clone was checked out last
        os.utime(here.root / name)
    rules = set(here.plan().values())
    assert {"aggregate_runs", "table3", "plot_fid"} <= rules
    assert not rules & {"train_gan", "evaluate_runs", "prepare_data", "compute_reference"}
    result = here.snakemake()
    assert result.returncode == 0, result.stdout
    assert here.plan() == {}


def test_without_the_records_of_snakemake_sources_of_any_date_retrain_nothing(clones):
    here, there = clones
    copy(there, here, "results/runs")
    assert trainings(here) == set()
    for name in here.sources():
        os.utime(here.root / name)
    assert trainings(here) == set()
