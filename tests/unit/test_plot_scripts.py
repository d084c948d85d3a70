"""The scripts that draw figures, on files: what they read, what they write, what they refuse."""

import json
import sys

import numpy as np
import pandas as pd
import plot_comparison
import plot_curves
import plot_fid
import plot_samples
import pytest
from critical_batch.reporting.figures.registry import drawn_by
from critical_batch.reporting.figures.registry import tables_of as named_tables
from critical_batch.runs.index import first_seeds, listed_runs
from critical_batch.runtime.errors import UserError
from critical_batch.tables.training import HISTORY
from figure_examples import example_runs, example_tables, pictures, tables_of
from PIL import Image

TEXTS = {
    "experiment": "dcgan",
    "section": "4.1",
    "title": "DCGAN on Fashion-MNIST",
    "metric": "classifier-FID",
}
SUFFIXES = (".pdf", ".png", ".csv")


def call(script, monkeypatch, folder, figures, *words, **options):
    """Runs a script's main; returns the data of its figures by name."""
    argv = [script.__name__, "--output-dir", folder, "--figures", *figures, *words]
    for name, value in options.items():
        argv += [f"--{name.replace('_', '-')}", value]
    monkeypatch.setattr(sys, "argv", list(map(str, argv)))
    script.main()
    made = sorted(path.name for path in folder.iterdir())
    assert made == sorted(f"{name}{suffix}" for name in figures for suffix in SUFFIXES)
    assert all(path.stat().st_size > 0 for path in folder.iterdir())
    return {name: pd.read_csv(folder / f"{name}.csv") for name in figures}


def written(folder, tables):
    """The options that name tables and their files, which are made."""
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False)
    return ["--names", *tables, "--tables", *(folder / f"{name}.csv" for name in tables)]


def test_plot_curves_takes_its_experiment_from_every_table(monkeypatch, tmp_path):
    tables = {name: example_tables()[name] for name in named_tables("curves")}
    files = written(
        tmp_path,
        {name: pd.concat([t, t.assign(experiment="other")]) for name, t in tables.items()},
    )
    label = {**TEXTS, "threshold": 8.0}
    data = call(plot_curves, monkeypatch, tmp_path / "out", drawn_by("curves"), *files, **label)
    assert len(data["steps"]) == len(data["sfo"]) == len(tables["steps"])
    assert len(data["cost"]) == len(tables["bootstrap"])
    assert len(data["thresholds"]) == len(tables["thresholds"])
    sizes = data["sfo"].groupby("optimizer")["critical_batch_size"].first()
    expected = tables["critical"].set_index("optimizer")["critical_batch_size"]
    assert sizes.to_dict() == expected.to_dict()
    label["experiment"] = "absent"
    with pytest.raises(UserError, match="lacks absent: check --experiment"):
        call(plot_curves, monkeypatch, tmp_path / "out", ["steps"], *files, **label)


def test_plot_comparison_draws_all_experiments(monkeypatch, tmp_path):
    tables = example_tables()
    files = written(tmp_path, {name: tables[name] for name in named_tables("comparison")})
    data = call(plot_comparison, monkeypatch, tmp_path / "all", drawn_by("comparison"), *files)
    assert {name: len(table) for name, table in data.items()} == {
        "critical": 8,
        "noise_scale": len(tables["noise_scale"]),
    }
    files = written(tmp_path, {"learning_rates": tables["learning_rates"]})
    data = call(plot_comparison, monkeypatch, tmp_path / "rates", ["learning_rates"], *files)
    assert len(data["learning_rates"]) == 9


def test_a_figure_that_no_module_draws_is_a_user_error(monkeypatch, tmp_path):
    files = written(tmp_path, {"comparison": example_tables()["comparison"]})
    with pytest.raises(UserError, match=r"--figures nosuch: there is no module .*/nosuch\.py"):
        call(plot_comparison, monkeypatch, tmp_path, ["nosuch"], *files)


@pytest.fixture
def runs(tmp_path):
    """Finished jobs of dcgan in folders, a list of them, critical sizes and real images.

    Adam at b = 2 is spread over two jobs, of which the one with the larger seed comes first.
    """
    folder, listed = tmp_path / "runs", []
    records = [run for run in example_runs() if run["batch_size"] in (1, 2, 64)]
    split = next(r for r in records if (r["optimizer"], r["batch_size"]) == ("Adam", 2))
    late = {**split, "seeds": [2], "results": split["results"][2:]}
    early = {**split, "seeds": [0, 1], "results": split["results"][:2]}
    for record in [late, early, *(r for r in records if r is not split)]:
        seeds = "-".join(map(str, record["seeds"]))
        job = folder / f"dcgan/{record['optimizer']}/b{record['batch_size']}/seeds_{seeds}"
        job.mkdir(parents=True)
        (job / "run.json").write_text(json.dumps(record))
        rows = [
            (r["seed"], step, metric, np.nan if r["status"] == "diverged" else top / step, None)
            for r in record["results"]
            for step in (50, 55, 61)
            for metric, top in (("fid", 900), ("kid", 9), ("generator_loss", 1))
        ]
        HISTORY.write(job / "history.csv", rows)
        Image.fromarray(np.full((64, 128), len(listed), np.uint8)).save(job / "samples.png")
        listed.append(job / "run.json")
    elsewhere = folder / "other/Adam/b2/seeds_0/run.json"  # need not be there
    (tmp_path / "runs.txt").write_text("\n".join(map(str, [elsewhere, *listed])))
    tables_of()[3].to_csv(tmp_path / "critical.csv", index=False)
    np.save(tmp_path / "images.npy", pictures(50))
    return tmp_path


def test_listed_runs_are_those_of_the_experiment(runs):
    paths = listed_runs(runs / "runs.txt", "dcgan")
    assert len(paths) == 10
    pairs = first_seeds(paths)
    assert [record["seeds"][0] for _, record in pairs] == [0] * 9
    with pytest.raises(UserError, match="names no run of absent: check --experiment"):
        listed_runs(runs / "runs.txt", "absent")
    with pytest.raises(UserError, match="is missing"):
        listed_runs(runs / "absent.txt", "dcgan")


def test_plot_fid_reads_the_histories(runs, monkeypatch):
    label = {**TEXTS, "threshold": 8.0}
    figures = drawn_by("fid")
    data = call(plot_fid, monkeypatch, runs / "out", figures, runs_file=runs / "runs.txt", **label)
    assert set(data["fid"]) - set(data["fid_samples"]) == {"step"}
    assert set(data["fid_samples"]) - set(data["fid"]) == {"samples"}
    assert len(data["fid"]) == 9 * 3 * 3
    last = data["fid"].groupby(["optimizer", "batch_size", "seed"])["status"].first()
    assert last["RMSProp", 1].to_list() == ["diverged", "step-limit", "step-limit"]
    assert (last["Adam", 64] == "reached").all()


def sampled(runs):
    return {
        "runs_file": runs / "runs.txt",
        "critical": runs / "critical.csv",
        "images": runs / "images.npy",
        **TEXTS,
        "threshold": 8.0,
    }


def test_plot_samples_shows_the_first_seed_at_three_sizes(runs, monkeypatch):
    data = call(plot_samples, monkeypatch, runs / "out", drawn_by("samples"), **sampled(runs))
    critical = tables_of()[3].set_index("optimizer")["critical_batch_size"]
    for optimizer, rows in data["samples"].groupby("optimizer"):
        expected = {1: "smallest", 64: "largest"}
        if critical[optimizer] == 2:
            expected[2] = "critical"
        assert dict(zip(rows["batch_size"], rows["role"], strict=True)) == expected
        assert set(rows["seed"]) == {0}
    assert list(data["generators"]["optimizer"]) == ["Adam", "AdaBelief", "RMSProp"]


def test_plot_samples_refuses_what_is_no_sheet_and_no_image(runs, tmp_path):
    path = tmp_path / "samples.png"
    with pytest.raises(UserError, match=r"samples\.png is missing"):
        plot_samples.read_tiles(path)
    path.write_bytes(b"\x89PNG\r\n\x1a\n damaged")
    with pytest.raises(UserError, match="not a sheet"):
        plot_samples.read_tiles(path)
    Image.new("L", (127, 64)).save(path)
    with pytest.raises(UserError, match="64 x 127 pixels do not divide"):
        plot_samples.read_tiles(path)
    Image.new("RGB", (128, 64)).save(path)
    assert plot_samples.read_tiles(path).shape == (32, 16, 16, 3)
    np.save(tmp_path / "sorted.npy", np.arange(300).reshape(300, 1, 1, 1) // 30)
    real = plot_samples.read_real(tmp_path / "sorted.npy")
    assert real.shape == (32, 1, 1, 1)
    assert len(np.unique(real[:8])) > 3
    np.testing.assert_array_equal(real, plot_samples.read_real(tmp_path / "sorted.npy"))
    (tmp_path / "damaged.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(UserError, match=r"damaged\.npy is damaged"):
        plot_samples.read_real(tmp_path / "damaged.npy")
    with pytest.raises(UserError, match=r"absent\.npy is missing"):
        plot_samples.read_real(tmp_path / "absent.npy")
