"""Metrics in a workflow: a run that ends by its KID, what a change reruns, runs of before."""

import csv
import json

import pytest
from critical_batch.runs.earlier import MEASURES
from critical_batch.runs.record import write_record

from .checkout import copy_repository

pytestmark = pytest.mark.workflow

KID = {"kid": {"subset_size": 50, "subsets": 10}}


def by_kid(settings):
    """The experiment dcgan alone, with one optimizer, which ends by its KID."""
    dcgan = settings["experiments"]["dcgan"]
    settings["experiments"] = {"dcgan": dcgan}
    dcgan["optimizers"].pop("RMSProp")
    dcgan["fid"].pop("threshold")
    dcgan |= {"metrics": KID, "stop": {"metric": "kid", "at_most": 0.5}}


def rows_of(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_runs_end_by_their_kid(tmp_path):
    checkout = copy_repository(tmp_path)
    config = checkout.changed_config(by_kid)
    targets = ["results/statistics/threshold.csv", "results/figures/dcgan/fid.png"]
    result = checkout.snakemake(*targets, config=config)
    assert result.returncode == 0, result.stdout
    results = tmp_path / "results"
    features = {path.name for path in (results / "features/fashion-mnist").glob("*.npz")}
    assert features == {"classifier-fixed.npz", "classifier-fixed.kid.npz"}
    job = results / "runs/dcgan/Adam/b8/seeds_0-1"
    record = json.loads((job / "run.json").read_text())
    assert (record["metric"], record["stop"]["metric"]) == ("classifier-KID", "kid")
    history = rows_of(job / "history.csv")
    assert [row["metric"] for row in history[:6]] == ["kid", "fid", *MEASURES]
    for found in record["results"]:
        kids = [
            float(row["value"])
            for row in history
            if row["metric"] == "kid" and int(row["seed"]) == found["seed"]
        ]
        assert kids[-1] == found["final_value"]
        assert (found["status"] == "reached") == (kids[-1] <= 0.5)
        assert min(kids[:-1], default=1.0) > 0.5
    assert {row["metric"] for row in rows_of(results / "aggregate/networks.csv")} == {
        "classifier-KID"
    }
    drawn = rows_of(results / "figures/dcgan/fid.csv")
    assert {row["distance"] for row in drawn} >= {
        row["value"] for row in history if row["metric"] == "kid"
    }


def test_the_same_rule_in_other_words_changes_the_manifest_alone(finished):
    """Which holds the configuration as it is written."""

    def change(settings):
        dcgan = settings["experiments"]["dcgan"]
        dcgan["stop"] = {"metric": "fid", "at_most": dcgan["fid"].pop("threshold")}

    plan = finished.plan(config=finished.changed_config(change))
    assert set(plan.values()) == {"manifest", "versions_page"}


def test_a_further_metric_trains_its_own_experiment_alone(finished):
    def change(settings):
        settings["experiments"]["biggan"]["metrics"] = KID

    plan = finished.plan(config=finished.changed_config(change))
    trained = {file.split("/")[2] for file, rule in plan.items() if rule == "train_gan"}
    assert trained == {"biggan"}
    computed = [file for file, rule in plan.items() if rule == "compute_reference"]
    assert computed == ["results/features/fashion-mnist/classifier-fixed.kid.npz"]


def as_before(job):
    """Writes the files of a run as the versions did that knew the FID alone."""
    record = json.loads((job / "run.json").read_text())
    stop = record["settings"].pop("stop")
    record["settings"].pop("metrics")
    record["settings"]["fid"]["threshold"] = stop["at_most"]
    record["threshold"] = record.pop("stop")["at_most"]
    for result in record["results"]:
        result["final_fid"] = result.pop("final_value")
    evaluations = {}
    for row in rows_of(job / "history.csv"):
        evaluations.setdefault((row["seed"], row["step"]), {})[row["metric"]] = row
    header = ["seed", "step", "samples", "fid", "scored", *MEASURES]
    lines = [header]
    for (seed, step), rows in evaluations.items():
        seen, fid = int(step) * record["batch_size"], rows["fid"]
        others = [rows[name]["value"] for name in MEASURES]
        lines.append([seed, step, str(seen), fid["value"], fid["samples"], *others])
    (job / "history.csv").write_text("".join(f"{','.join(line)}\n" for line in lines))
    del record["record_sha256"], record["files"]
    beside = [job / "history.csv", job / "generators.safetensors"]
    write_record(job / "run.json", record, beside)


def test_runs_of_earlier_versions_count_as_they_are(finished):
    """After `snakemake --touch` the tables and figures of them are those of today's runs."""
    results = finished.root / "results"
    for record in sorted((results / "runs").rglob("run.json")):
        as_before(record.parent)
    for scores in (results / "runs").rglob("evaluation.csv"):
        scores.write_text(scores.read_text().replace(",distance\n", ",fid\n", 1))
    assert finished.snakemake("--touch").returncode == 0
    assert finished.plan() == {}
    targets = [
        *(f"results/aggregate/{name}.csv" for name in ("steps", "networks", "evaluation")),
        "results/statistics/threshold.csv",
        "results/figures/dcgan/fid.csv",
        "results/figures/dcgan/samples.csv",
        "results/report/runs.html",
    ]
    before = {name: (finished.root / name).read_bytes() for name in targets}
    for name in targets:
        (finished.root / name).unlink()
    result = finished.snakemake(*targets)
    assert result.returncode == 0, result.stdout
    assert "train_gan" not in result.stdout
    assert {name: (finished.root / name).read_bytes() for name in targets} == before
