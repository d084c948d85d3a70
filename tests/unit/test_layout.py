"""Where the files of runs are, and which run a path is of."""

import re
from pathlib import Path

import pytest
from critical_batch.runs import layout
from critical_batch.runs.layout import Run, evaluation_of, run_folder, throughput_files
from critical_batch.runtime.errors import UserError

RUNS = [
    Run("dcgan-fashion", "Adam", 4, (0, 1, 2)),
    Run("a_b", "RMSProp", 1, (0,)),
    Run("b16", "AdaBelief", 1024, (10, 200)),
]
RUN = RUNS[0]
FILES = ("run.json", "history.csv", "samples.png", "generators.safetensors", "distances.json")


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("root", ["", "/data/somebody/clone/", "results/runs/x/Adam/b2/seeds_0/"])
def test_from_a_run_to_its_files_and_back(run, root):
    for path in (*map(run.path, FILES), run.state_file, run.progress_file):
        assert Run.of(root + path) == Run.of(Path(root + path)) == run


def test_paths_are_those_that_finished_runs_have():
    assert RUN.path("run.json") == "results/runs/dcgan-fashion/Adam/b4/seeds_0-1-2/run.json"
    assert RUN.state_file == "results/state/dcgan-fashion/Adam/b4/seeds_0-1-2/state.pt"
    assert RUN.progress_file == "results/state/dcgan-fashion/Adam/b4/seeds_0-1-2/progress.json"
    job = "dcgan-fashion.Adam.b4.seeds_0-1-2"
    assert RUN.log_file == f"results/logs/train_gan/{job}.log"
    assert RUN.benchmark_file == f"results/benchmarks/train_gan/{job}.jsonl"
    assert RUN.evaluation_file == "results/runs/dcgan-fashion/Adam/evaluation.csv"
    assert RUN.throughput_file == "results/probes/dcgan-fashion/Adam/b4.json"
    assert (RUN.seed_key, RUN.folder_name) == ("0-1-2", "seeds_0-1-2")


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        (f"{layout.RUN_DIR}/run.json", lambda run: run.path("run.json")),
        (f"{layout.STATE_DIR}/state.pt", lambda run: run.state_file),
        (f"{layout.STATE_DIR}/progress.json", lambda run: run.progress_file),
        (layout.TRAINING_LOG, lambda run: run.log_file),
        (layout.TRAINING_BENCHMARK, lambda run: run.benchmark_file),
        (layout.EVALUATION, lambda run: run.evaluation_file),
        (layout.THROUGHPUT, lambda run: run.throughput_file),
    ],
)
def test_every_pattern_matches_its_path_with_the_values_of_the_run(run, pattern, path):
    wildcards = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/.]+)", re.escape(pattern))
    values = {
        "experiment": run.experiment,
        "optimizer": run.optimizer,
        "batch_size": str(run.batch_size),
        "seeds": run.seed_key,
    }
    found = re.fullmatch(wildcards, path(run)).groupdict()
    assert found == {name: values[name] for name in found}
    assert {"experiment", "optimizer"} <= set(found)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "run.json",
        RUN.evaluation_file,
        RUN.log_file,
        RUN.throughput_file,
        "b4/seeds_0/run.json",
        "Adam/b4/seeds_0/run.json",
        "/Adam/b4/seeds_0/run.json",
        "dcgan/Adam/b4/seeds_0",  # the folder
        "dcgan/Adam/b4/seeds_0/deeper/run.json",
        "dcgan/Adam/4/seeds_0/run.json",
        "dcgan/Adam/b4/0/run.json",
        "dcgan/Adam/b/seeds_0/run.json",
        "dcgan/Adam/b0/seeds_0/run.json",
        "dcgan/Adam/b04/seeds_0/run.json",
        "dcgan/Adam/b4.5/seeds_0/run.json",
        "dcgan/Adam/b-4/seeds_0/run.json",
        "dcgan/Adam/b4/seeds_/run.json",
        "dcgan/Adam/b4/seeds_00/run.json",
        "dcgan/Adam/b4/seeds_0-01/run.json",
        "dcgan/Adam/b4/seeds_0-/run.json",
        "dcgan/Adam/b4/seeds_0_1/run.json",
        "dcgan/Adam/b4/seeds_a/run.json",
        "dcgan/Adam/b4/seeds_0\n/run.json",
    ],
)
def test_what_is_no_file_of_a_run_is_refused(path):
    with pytest.raises(UserError, match="is no file of a training run: they are") as caught:
        Run.of(path)
    assert "{experiment}/{optimizer}/b{batch_size}/seeds_{seeds}/FILE" in str(caught.value)


def test_a_path_from_within_the_folder_of_an_optimizer(tmp_path, monkeypatch):
    here = tmp_path / "dcgan/Adam"
    here.mkdir(parents=True)
    monkeypatch.chdir(here)
    assert evaluation_of(Path("b4/seeds_0/run.json")) == here / "evaluation.csv"
    with pytest.raises(UserError, match="is no file of a training run"):
        evaluation_of(Path("run.json"))


@pytest.mark.parametrize("run", RUNS)
def test_files_beside_and_below(run):
    evaluation = evaluation_of(Path(run.path("run.json")))
    assert evaluation == Path(run.evaluation_file).absolute()
    folder = run_folder(Path(run.evaluation_file).parent, run.batch_size, run.seed_key)
    assert str(folder / "run.json") == run.path("run.json")


def test_measured_speeds_are_found_where_they_are_written(tmp_path):
    for name in (*(run.throughput_file for run in RUNS), "results/probes/gradient_noise/a.csv"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("")
    found = throughput_files(tmp_path / "results/probes")
    assert found == sorted(tmp_path / run.throughput_file for run in RUNS)
    assert throughput_files(tmp_path / "absent") == []
