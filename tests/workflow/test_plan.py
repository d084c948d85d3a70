"""What snakemake plans, and what it takes to run part of it."""

import os
import re
import subprocess

import pandas as pd
import pytest
import yaml
from critical_batch.configuration import load
from limits import HANG

pytestmark = pytest.mark.workflow

PREPARATION = {"prepare_data", "train_classifier", "compute_reference"}
TRAINING = PREPARATION | {"train_gan"}
THEORY = TRAINING | {"evaluate_runs", "list_runs", "aggregate_runs", "estimate_critical_sizes"}
STATISTICS = THEORY | {"measure_fid_noise", "compute_statistics"}
PREPARED_PROBES = {"prepare_data", "probe_gradient_noise", "estimate_noise_scale"}
COMPARING = STATISTICS | PREPARED_PROBES | {"compare_critical_sizes"}
DRAWING = {"plot_curves", "plot_fid", "plot_samples", "plot_comparison"}
PAGES = {"table3_page", "runs_page", "theory_pages", "versions_page", "data_page"}
TARGETS = {
    "all": COMPARING | DRAWING | PAGES | {"recommend", "table3", "published", "manifest", "all"},
    "data": {"prepare_data", "data"},
    "train": TRAINING | {"train"},
    "figures": COMPARING | DRAWING | {"figures"},
    "table3": THEORY | {"table3"},
    "published": {"published"},
    "manifest": THEORY | {"table3", "manifest"},
    "plan": {"plan"},
    "estimate_noise_scale": PREPARED_PROBES,  # no sweep
    "compare_critical_sizes": COMPARING,
    "learning_rate_table": COMPARING | {"learning_rate_table"},
    "recommend": STATISTICS | {"recommend"},
    "probe": {"probe_throughput", "probe"},
}


def job_counts(output):
    """The job table of a dry run: rule -> number of jobs."""
    table = output.rpartition("Job stats:")[2].partition("total")[0]
    return {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", table, re.MULTILINE)}


def planned_jobs(checkout, *words, **options):
    command = checkout.command(*words, "--dry-run", "--quiet", "rules", **options)
    result = checkout.quick(*command[3:])
    output = result.stdout + result.stderr
    assert result.returncode == 0, output
    return job_counts(output)


def test_the_default_configuration_plans_every_run_in_a_fresh_copy(clean, monkeypatch):
    monkeypatch.chdir(clean.root)  # data folders are relative
    config = load(yaml.safe_load((clean.root / "config.yaml").read_text()))
    expected = sum(
        len(optimizer.batch_sizes) * len(experiment.seed_groups)
        for experiment in config.experiments.values()
        for optimizer in experiment.optimizers.values()
    )
    counts = planned_jobs(clean, config=None)
    assert counts["train_gan"] == expected
    assert counts["evaluate_runs"] == sum(len(e.optimizers) for e in config.experiments.values())
    assert counts["plot_curves"] == len(config.experiments)
    assert set(counts) == TARGETS["all"]


@pytest.mark.parametrize("target", TARGETS)
def test_targets(clean, target):
    assert set(planned_jobs(clean, target)) == TARGETS[target]


def test_a_given_configuration_replaces_the_default(clean):
    files = clean.plan("figures")
    figures = (file.split("/") for file in files if file.startswith("results/figures/"))
    experiments = {parts[2] for parts in figures if len(parts) > 3}
    assert experiments == set(clean.configuration()["experiments"])


def test_the_example_of_learning_rates_is_planned(clean):
    counts = planned_jobs(clean, "learning_rate_table", config="examples/learning-rates.yaml")
    assert (counts["train_gan"], counts["probe_gradient_noise"]) == (18, 3)


def test_a_key_on_the_command_line_is_added_to_the_default(clean):
    counts = planned_jobs(clean, "train", "--config", "device=cuda", config=None)
    assert counts == planned_jobs(clean, "train", config=None)


def test_published_needs_no_training(clean, tmp_path):
    checkout = clean.copy(tmp_path)
    result = checkout.snakemake("published", config=None, cores=1)
    assert result.returncode == 0, result.stdout
    assert set(checkout.made()) - {"results/README.md"} == {
        "results/logs/published.log",
        "results/tables/table3_published.csv",
    }
    table = pd.read_csv(tmp_path / "results/tables/table3_published.csv")
    assert len(table) == 8
    assert (table["reproduced_estimate"] == table["published_estimated"]).all()


@pytest.mark.parametrize(
    "path",
    [
        "results/runs/nosuch/Adam/b4/seeds_0-1/run.json",
        "results/runs/dcgan/SGD/b4/seeds_0-1/run.json",
        "results/runs/dcgan/Adam/b5/seeds_0-1/run.json",
        "results/runs/dcgan/Adam/b4/seeds_7/run.json",
        "results/figures/nosuch/steps.pdf",
        "resources/prepared/nosuch/manifest.json",
    ],
)
def test_a_path_outside_the_configuration_fails_before_any_job(clean, path):
    result = clean.snakemake(path, "--dry-run")
    assert result.returncode != 0
    assert f"No rule to produce {path}" in result.stdout


def test_parts_of_different_runs_make_no_run(clean):
    result = clean.snakemake("results/runs/dcgan/AdaBelief/b4/seeds_0/run.json", "--dry-run")
    assert result.returncode != 0
    assert "dcgan/AdaBelief/4/0 is not a run of this configuration" in result.stdout


# --------------------------------------------------------------------------------- profile and GPUs

# Stands for `python` where rules call it: notes when each job starts and ends.
STAND_IN = """\
#!{python}
import pathlib, sys, time

def note(event):
    with open({log!r}, "a") as file:
        file.write(event + "\\n")

words = sys.argv[1:]
assert words[words.index("--device") + 1] == "cuda"
note("start")
time.sleep(0.5)
for option, value in zip(words, words[1:]):
    if option in ("--output", "--history", "--run", "--samples", "--generators"):
        pathlib.Path(value).touch()
note("end")
"""


def test_the_default_profile_leaves_to_a_cluster_what_is_the_clusters(clean):
    profile = yaml.safe_load((clean.root / "profiles/default/profile.yaml").read_text())
    assert profile["resources"] == {"gpu": 1}
    # A key that stands here wins over the same key of --profile.
    assert not set(profile) & {
        *("executor", "jobs", "cores", "default-resources", "set-resources", "set-threads"),
        *("software-deployment-method", "retries", "keep-going", "latency-wait"),
    }


def test_profiles_share_no_key(clean):
    folder = clean.root / "profiles"
    profiles = [
        yaml.safe_load((folder / name / "profile.yaml").read_text())
        for name in ("default", "slurm")
    ]
    assert not set(profiles[0]) & set(profiles[1])


@pytest.mark.parametrize(("config", "trainings"), [(None, 150), ("config.yaml", 47)])
def test_the_slurm_profile_plans_the_papers_grid_or_another(clean, config, trainings):
    """`snakemake --profile slurm`, and the same with `--configfile config.yaml`."""
    result = clean.snakemake("--profile", "slurm", "-n", "--quiet", "rules", config=config)
    assert result.returncode == 0, result.stdout
    assert job_counts(result.stdout)["train_gan"] == trainings


@pytest.mark.parametrize(("words", "at_once"), [([], 1), (["--resources", "gpu=2"], 2)])
def test_a_gpu_works_on_one_job_at_a_time(finished, words, at_once):
    log, python = finished.root / "events", finished.root / "bin" / "python"
    python.parent.mkdir()
    real = finished.environment()["PATH"].split(os.pathsep)[0] + "/python"
    python.write_text(STAND_IN.format(python=real, log=str(log)))
    python.chmod(0o755)
    config = finished.changed_config(lambda settings: settings.update(device="cuda"))
    # Jobs run under the interpreter that runs Snakemake, for which another one is given out.
    start = "import sys; sys.executable = sys.argv.pop(1); from snakemake.cli import main; main()"
    command = finished.command("train", *words, config=config, cores=4)
    result = subprocess.run(
        [command[0], "-c", start, str(python), *command[command.index("snakemake") + 1 :]],
        cwd=finished.root,
        env=finished.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=HANG,
    )
    assert result.returncode == 0, result.stdout
    events = log.read_text().split()
    assert len(events) == 2 * (2 + 6)  # statistics of two data sets, six trainings
    running = [events[:n].count("start") - events[:n].count("end") for n in range(len(events) + 1)]
    assert max(running) == at_once
