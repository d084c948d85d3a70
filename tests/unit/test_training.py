"""The training loop: statuses, independence of replicas, evaluation and interruptions."""

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest
import torch
from conftest import SETTINGS
from ttur.data.packed import PackedDataset
from ttur.features import load_features
from ttur.frechet import Reference
from ttur.training.loop import train
from ttur.training.state import StateFile, fingerprint

SCRIPT = "workflow/scripts/train_gan.py"
CPU = torch.device("cpu")


def settings_with(fid=None, **changes):
    return SETTINGS | {"fid": SETTINGS["fid"] | (fid or {})} | changes


def train_tiny(tiny, tmp_path, settings, save_every=1e9, say=lambda line: None, job="job"):
    torch.set_num_threads(1)
    return train(
        settings,
        PackedDataset.open(tiny.data_dir),
        load_features({"features": "classifier"}, tiny.weights, CPU),
        Reference.load(tiny.reference),
        StateFile(tmp_path / "state.pt", job),
        CPU,
        save_every,
        say,
    ).progress


def same_generators(a, b):
    return all(torch.equal(a[seed][n], b[seed][n]) for seed in a for n in a[seed])


def test_step_limit_is_recorded_without_a_number_of_steps(tiny, tmp_path):
    progress = train_tiny(tiny, tmp_path, SETTINGS)
    assert [row[1] for row in progress.rows if row[0] == 1] == [20, 40, 60]
    for seed in (0, 1, 2):
        result = progress.results[seed]
        assert result["status"] == "step-limit"
        assert result["steps"] is None
        assert result["first_hit"] is None
        assert result["last_miss"] == result["final_step"] == 60


def test_reached_at_the_first_look_has_no_miss_before(tiny, tmp_path):
    progress = train_tiny(tiny, tmp_path, settings_with({"threshold": 1e9}))
    assert progress.step == 20
    assert {r["status"] for r in progress.results.values()} == {"reached"}
    assert {r["steps"] for r in progress.results.values()} == {20}
    assert {r["last_miss"] for r in progress.results.values()} == {None}


def test_divergence_is_a_status_and_ends_only_the_run(tiny, tmp_path):
    settings = settings_with(
        optimizer="RMSProp", generator_rate=1e30, hyper={"alpha": 0.99, "eps": 1e-8}
    )
    progress = train_tiny(tiny, tmp_path, settings)
    assert {r["status"] for r in progress.results.values()} == {"diverged"}
    assert {r["steps"] for r in progress.results.values()} == {None}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"objective": {"kind": "wasserstein_gp", "penalty_weight": 10.0}},
        {"latent_reuse": False, "discriminator_steps": 2},
        {
            "objective": {"kind": "hinge"},
            "networks": {
                "kind": "biggan",
                "latent": 6,
                "generator_width": 2,
                "discriminator_width": 2,
                "embedding": 4,
                "attention": 8,
            },
        },
    ],
    ids=["dcgan", "wgan-gp", "two-critic-steps", "biggan"],
)
def test_a_seed_trains_in_a_group_as_it_does_alone(tiny, tmp_path, changes):
    # Few steps: training is chaotic, and sums in another order are enough to part two runs.
    few = {"fid": {"grid": {"kind": "linear", "every": 5}}, "limits": {"steps": 20}}
    few |= {"generator_rate": 0.0002, "discriminator_rate": 0.0002}
    together = train_tiny(tiny, tmp_path, settings_with(**few, **changes))
    alone = train_tiny(tiny, tmp_path, settings_with(seeds=[1], **few, **changes))
    group_rows = [row for row in together.rows if row[0] == 1]
    assert [row[:3] for row in group_rows] == [row[:3] for row in alone.rows]
    for mine, other in zip(group_rows, alone.rows, strict=True):
        assert mine[3:] == pytest.approx(other[3:], rel=2e-2, abs=1e-3)


def test_a_seed_that_is_done_leaves_the_others_alone(tiny, tmp_path):
    full = train_tiny(tiny, tmp_path, SETTINGS)
    first = {row[0]: row[3] for row in full.rows if row[1] == 20}
    threshold = sorted(first.values())[0] + 1e-6  # only the best seed passes at step 20
    done = min(first, key=first.get)
    cut = train_tiny(tiny, tmp_path, settings_with({"threshold": threshold}))
    assert cut.results[done]["steps"] == 20
    for seed in {0, 1, 2} - {done}:
        expected = [row[3] for row in full.rows if row[0] == seed]
        found = [row[3] for row in cut.rows if row[0] == seed]
        assert found == pytest.approx(expected[: len(found)], rel=1e-2)


def test_evaluating_never_changes_training(tiny, tmp_path):
    often = train_tiny(tiny, tmp_path, settings_with({"grid": {"kind": "linear", "every": 3}}))
    seldom = train_tiny(tiny, tmp_path, settings_with({"samples": 200}))
    assert len(often.rows) > len(seldom.rows)
    assert same_generators(often.generators, seldom.generators)


def test_an_interrupted_run_ends_as_an_uninterrupted_one(tiny, tmp_path):
    whole = train_tiny(tiny, tmp_path / "whole", SETTINGS)

    class Stop(Exception):
        pass

    def stop_at(step):
        def save(self, state):
            original(self, state)
            if state["progress"]["step"] >= step:
                raise Stop

        return save

    original = StateFile.save
    for step in (7, 20, 33, 59):
        patch = pytest.MonkeyPatch()
        patch.setattr(StateFile, "save", stop_at(step))
        with pytest.raises(Stop):
            train_tiny(tiny, tmp_path, SETTINGS, save_every=0)
        patch.undo()
    said = []
    resumed = train_tiny(tiny, tmp_path, SETTINGS, say=said.append)
    assert "continuing" in said[0]
    assert resumed.rows == whole.rows
    assert same_generators(resumed.generators, whole.generators)


def test_a_state_of_other_settings_is_not_used(tiny, tmp_path):
    file = StateFile(tmp_path / "state.pt", fingerprint({"rate": 1}, "data"))
    file.save({"progress": {}})
    assert file.load()[0] == {"progress": {}}
    state, line = StateFile(tmp_path / "state.pt", fingerprint({"rate": 2}, "data")).load()
    assert state is None
    assert "other settings" in line


@pytest.mark.parametrize("damage", ["truncate", "garbage", "empty"])
def test_a_damaged_state_is_named_and_not_used(tmp_path, damage):
    path = tmp_path / "state.pt"
    file = StateFile(path, "job")
    file.save({"tensor": torch.zeros(1000)})
    content = path.read_bytes()
    path.write_bytes({"truncate": content[:-500], "garbage": b"x" * 99, "empty": b""}[damage])
    state, line = file.load()
    assert state is None
    assert "state.pt is damaged" in line


def run_script(tiny, output, *options):
    command = [sys.executable, SCRIPT, *tiny.command(output, SETTINGS, *options)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def outputs(folder):
    """Bytes of the history and of the final generators, and the record without its times."""
    return (
        (folder / "history.csv").read_bytes(),
        (folder / "generators.safetensors").read_bytes(),
        without_times(json.loads((folder / "run.json").read_text())),
    )


def without_times(record):
    times = ("seconds", "seed_steps_per_second")
    results = [{k: v for k, v in seed.items() if k != "seconds"} for seed in record["results"]]
    return {k: v for k, v in record.items() if k not in times} | {"results": results}


def test_kill_minus_nine_at_random_steps_changes_nothing(tiny, tmp_path):
    whole = run_script(tiny, tmp_path / "whole")
    assert whole.wait() == 0, whole.stderr.read()
    state = tmp_path / "killed" / "state" / "state.pt"
    delays = random.Random(0)
    kills = 0
    while True:
        process = run_script(tiny, tmp_path / "killed", "--save-every", "0")
        before = state.stat().st_mtime_ns if state.exists() else 0
        while process.poll() is None and (not state.exists() or state.stat().st_mtime_ns == before):
            time.sleep(0.005)
        time.sleep(delays.uniform(0, 0.2))
        if kills == 3 or process.poll() is not None:
            break
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        kills += 1
    assert process.wait() == 0, process.stderr.read()
    assert kills
    assert outputs(tmp_path / "killed") == outputs(tmp_path / "whole")
    assert not state.parent.exists()


def test_the_script_writes_a_complete_record(tiny, tmp_path):
    process = run_script(tiny, tmp_path)
    assert process.wait() == 0, process.stderr.read()
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["generator_parameters"] == 8 * 8 * 16 + 8 * 4 * 16 + 4 * 16 + 2 * (8 + 4)
    assert record["dataset"]["images"] == 60
    assert [result["seed"] for result in record["results"]] == [0, 1, 2]
    assert [result["seconds"] for result in record["results"]] == [record["seconds"]] * 3
    header = (tmp_path / "history.csv").read_text().splitlines()[0].split(",")
    assert "seconds" not in header  # the only column that could differ between two runs
    assert record["settings"] == SETTINGS
    assert (tmp_path / "samples.png").stat().st_size > 100


def test_two_processes_write_one_complete_result(tiny, tmp_path):
    settings = settings_with(processes=2, limits={"steps": 20, "samples": None})
    command = [sys.executable, SCRIPT, *tiny.command(tmp_path, settings)]
    process = subprocess.run(command, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    with open(tmp_path / "history.csv", newline="") as file:
        assert [row["step"] for row in csv.DictReader(file)] == ["20"] * 3
    assert process.stderr.count("starting from the beginning") == 1
