"""A training that ends by its KID, from the statistics of real images to what follows it."""

import csv
import json
import sys

import compute_reference
import evaluate_runs
import measure_fid_noise
import pytest
import train_gan
from conftest import SETTINGS, stop_at
from critical_batch.metrics.frechet import Reference
from critical_batch.registries.code_digest import imported_files
from critical_batch.runs.reading import read_run, read_values
from critical_batch.runtime.errors import UserError
from critical_batch.training.history import Measures
from critical_batch.training.job import TrainingJob, entries_of

KID = {"kid": {"subsets": 5, "subset_size": 40}}
SMALL = SETTINGS | {"limits": {"steps": 20, "samples": None}, "seeds": [0, 1], "metrics": KID}
SMALL |= {"fid": SETTINGS["fid"] | {"grid": {"kind": "linear", "every": 10}}}


@pytest.fixture(scope="module")
def reference(tiny, tmp_path_factory):
    """KID's statistics of the real images."""
    path = tmp_path_factory.mktemp("kid") / "classifier-fixed.kid.npz"
    compute(tiny, "kid", path)
    return path


def compute(tiny, metric, path):
    words = ["--data-dir", tiny.data_dir, "--features", '{"features": "classifier"}']
    words += ["--weights", tiny.weights, "--pixel-map", "fixed", "--metric", metric]
    call(compute_reference, *words, "--output", path)


def test_statistics_are_those_of_a_metric_that_there_is(tiny, tmp_path):
    compute(tiny, "fid", tmp_path / "fid.npz")
    assert Reference.load(tmp_path / "fid.npz").key == Reference.load(tiny.reference).key
    with pytest.raises(UserError, match="--metric is lpips: use one of fid, kid"):
        compute(tiny, "lpips", tmp_path / "lpips.npz")
    assert not (tmp_path / "lpips.npz").exists()


def call(script, *words):
    """Runs the `main` of a script."""
    patch = pytest.MonkeyPatch()
    patch.setattr(sys, "argv", [script.__file__, *map(str, words)])
    try:
        script.main()
    finally:
        patch.undo()


def trained(tiny, folder, settings, *references):
    """The record and the path of the history of a training."""
    command = tiny.command(folder, settings)
    place = command.index("--reference") + 1
    command[place : place + 1] = references
    call(train_gan, *command)
    return read_run(folder / "run.json"), folder / "history.csv"


def rows_of(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_a_run_ends_by_its_kid_and_is_evaluated_by_it(tiny, reference, tmp_path):
    folder = tmp_path / "tiny/Adam/b4/seeds_0-1"
    settings = SMALL | stop_at(1e6, "kid")
    record, history = trained(tiny, folder, settings, reference, tiny.reference)
    assert record["metric"] == "classifier-KID"
    assert record["stop"] == {"metric": "kid", "at_most": 1e6}
    assert [result["status"] for result in record["results"]] == ["reached"] * 2
    assert [result["steps"] for result in record["results"]] == [10, 10]
    names = ["kid", "fid", *Measures._fields]
    assert [row["metric"] for row in rows_of(history)] == names * 2
    assert [row["samples"] for row in rows_of(history)] == ["80", "80", *[""] * 4] * 2
    values = {seed: value for seed, _, value in read_values(history, "kid")}
    assert values == {result["seed"]: result["final_value"] for result in record["results"]}

    shared = ["--data-dir", tiny.data_dir, "--weights", tiny.weights, "--reference", reference]
    words = ["--runs-dir", tmp_path / "tiny/Adam", "--batch-sizes", 4, "--groups", "0-1"]
    words += ["--samples", 80, "--seeds", 1, "--output", tmp_path / "evaluation.csv"]
    call(evaluate_runs, *words, *shared)
    again = [float(row["distance"]) for row in rows_of(tmp_path / "evaluation.csv")]
    words = ["--run", folder / "run.json", "--generators", folder / "generators.safetensors"]
    words += ["--sample-seeds", 2, "--output", tmp_path / "noise.csv"]
    call(measure_fid_noise, *words, *shared)
    again += [float(row["distance"]) for row in rows_of(tmp_path / "noise.csv")]
    # A KID, not an FID: these generators have KIDs that samples change little.
    assert again == pytest.approx([*values.values(), *[values[0]] * 2], rel=0.3)


def test_a_further_metric_changes_no_number_of_the_fid(tiny, reference, tmp_path):
    alone = SMALL | {"metrics": {}}
    _, history = trained(tiny, tmp_path / "alone", alone, tiny.reference)
    record, both = trained(tiny, tmp_path / "both", SMALL, tiny.reference, reference)
    assert record["metric"] == "classifier-FID"
    for name in ("fid", *Measures._fields):
        assert read_values(both, name) == read_values(history, name)
    assert read_values(history, "kid") == []
    assert len(read_values(both, "kid")) == 2 * 2
    for name in ("generators.safetensors", "samples.png"):
        assert (tmp_path / "alone" / name).read_bytes() == (tmp_path / "both" / name).read_bytes()


def test_a_reference_too_few_is_one_line(tiny, tmp_path):
    with pytest.raises(UserError, match=r"--reference names 1 files: name one for each of"):
        trained(tiny, tmp_path, SMALL, tiny.reference)


def test_a_job_depends_on_the_modules_of_its_own_metrics():
    for settings, used in ((SMALL, True), (SMALL | {"metrics": {}}, False)):
        job = TrainingJob.from_json(json.loads(json.dumps(settings)))
        files = imported_files(train_gan.__file__, uses=entries_of(job))
        modules = {file.partition("critical_batch/")[2] for file in files}
        assert "metrics/kinds/fid.py" in modules
        for module in ("metrics/kinds/kid.py", "metrics/kernel.py"):
            assert (module in modules) == used
