"""The training loop: statuses, independence of replicas, evaluation and interruptions."""

import csv
import errno
import json
import os
import signal
from dataclasses import replace

import pytest
import torch
from conftest import SETTINGS, job_of, stop_at
from critical_batch.data.packed import PackedDataset
from critical_batch.metrics import Distance
from critical_batch.metrics.features.loading import load_features
from critical_batch.metrics.features.settings import FeatureSettings
from critical_batch.metrics.frechet import Reference
from critical_batch.training.loop import train
from critical_batch.training.resume_state import StateFile
from critical_batch.training.signals import SIGNALS, Stopped, StopRequest
from training_runs import log_of, settings_with, start

CPU = torch.device("cpu")
CLASSIFIER = FeatureSettings("classifier")


def train_tiny(tiny, tmp_path, settings, *, features=None, **options):
    torch.set_num_threads(1)
    return train(
        job_of(settings),
        PackedDataset.open(tiny.data_dir),
        features or load_features(CLASSIFIER, tiny.weights, CPU),
        {"fid": Distance.of("fid", {}, Reference.load(tiny.reference))},
        state_file=StateFile(tmp_path / "state.pt", "job"),
        device=CPU,
        **{"save_every": 1e9, "log_line": print} | options,
    ).state


def keys(rows):
    """Which numbers they are."""
    return [row._replace(value=None) for row in rows]


def fid_rows(state):
    return [row for row in state.rows if row.metric == "fid"]


def distances(rows):
    return [row.value for row in rows if row.metric == "fid"]


def steps_of(state, seed):
    return [row.step for row in fid_rows(state) if row.seed == seed]


def same_generators(a, b):
    return all(torch.equal(a[seed][n], b[seed][n]) for seed in a for n in a[seed])


def test_step_limit_is_recorded_without_a_number_of_steps(tiny, tmp_path):
    progress = train_tiny(tiny, tmp_path, SETTINGS)
    assert steps_of(progress, 1) == [20, 40, 60]
    for seed in (0, 1, 2):
        result = progress.results[seed]
        assert result.status == "step-limit"
        assert result.steps is None
        assert result.first_hit is None
        assert result.last_miss == result.final_step == 60


def test_reached_at_the_first_look_has_no_miss_before(tiny, tmp_path):
    progress = train_tiny(tiny, tmp_path, settings_with(**stop_at(1e9)))
    assert progress.step == 20
    assert {r.status for r in progress.results.values()} == {"reached"}
    assert {r.steps for r in progress.results.values()} == {20}
    assert {r.last_miss for r in progress.results.values()} == {None}


def test_divergence_is_a_status_and_ends_only_the_run(tiny, tmp_path):
    settings = settings_with(
        optimizer="RMSProp", generator_rate=1e30, hyper={"alpha": 0.99, "eps": 1e-8}
    )
    progress = train_tiny(tiny, tmp_path, settings)
    assert {r.status for r in progress.results.values()} == {"diverged"}
    assert {r.steps for r in progress.results.values()} == {None}


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
    group_rows = [row for row in together.rows if row.seed == 1]
    assert keys(group_rows) == keys(alone.rows)
    for mine, other in zip(group_rows, alone.rows, strict=True):
        assert mine.value == pytest.approx(other.value, rel=2e-2, abs=1e-3)


@pytest.mark.parametrize(
    "objective",
    [{"kind": "bce"}, {"kind": "wasserstein_gp", "penalty_weight": 10.0}],
    ids=["dcgan", "wgan-gp"],
)
def test_over_300_steps_every_seed_of_a_group_has_the_history_that_it_has_alone(
    tiny, tmp_path, objective
):
    settings = settings_with(
        {"grid": {"kind": "linear", "every": 50}},
        limits={"steps": 300, "samples": None},
        objective=objective,
        generator_rate=0.0002,
        discriminator_rate=0.0002,
    )
    together = train_tiny(tiny, tmp_path, settings)
    for seed in settings["seeds"]:
        alone = train_tiny(tiny, tmp_path, settings | {"seeds": [seed]})
        mine = [row for row in together.rows if row.seed == seed]
        assert keys(mine) == keys(alone.rows)
        fids = distances(alone.rows)
        assert fids[0] > 1.1 * fids[-1]  # it has learned
        assert distances(mine) == pytest.approx(fids, rel=2e-3)


def test_a_seed_that_is_done_leaves_the_others_alone(tiny, tmp_path):
    full = train_tiny(tiny, tmp_path, SETTINGS)
    first = {row.seed: row.value for row in fid_rows(full) if row.step == 20}
    threshold = sorted(first.values())[0] + 1e-6  # only the best seed passes at step 20
    done = min(first, key=first.get)
    cut = train_tiny(tiny, tmp_path, settings_with(**stop_at(threshold)))
    assert cut.results[done].steps == 20
    for seed in {0, 1, 2} - {done}:
        expected = distances(row for row in full.rows if row.seed == seed)
        found = distances(row for row in cut.rows if row.seed == seed)
        assert found == pytest.approx(expected[: len(found)], rel=1e-2)


def test_evaluating_never_changes_training(tiny, tmp_path):
    often = train_tiny(tiny, tmp_path, settings_with({"grid": {"kind": "linear", "every": 3}}))
    seldom = train_tiny(tiny, tmp_path, settings_with({"samples": 200}))
    assert len(often.rows) > len(seldom.rows)
    assert same_generators(often.generators, seldom.generators)


def test_a_first_look_ends_no_seed_and_spares_samples(tiny, tmp_path):
    full = train_tiny(tiny, tmp_path, SETTINGS)
    threshold = min(row.value for row in fid_rows(full) if row.step == 40) + 1e-6
    plain = train_tiny(tiny, tmp_path, settings_with(**stop_at(threshold)))
    look = {"first_look": {"samples": 70, "factor": 1.2}}
    looked = train_tiny(tiny, tmp_path, settings_with(look, **stop_at(threshold)))
    assert {row.samples for row in fid_rows(plain)} == {80}
    assert {row.samples for row in fid_rows(looked)} == {70, 80}
    for row, other in zip(looked.rows, plain.rows, strict=True):
        if row.samples == 70:
            assert row.value > 1.2 * threshold
            other = other._replace(value=row.value, samples=70)
        assert row == other._replace(value=pytest.approx(other.value, rel=1e-6))
    # However a seed ends, it ends with an evaluation of all samples.
    last = {row.seed: row for row in fid_rows(looked)}
    assert {row.samples for row in last.values()} == {80}
    for seed, result in plain.results.items():
        value = pytest.approx(result.final_value, rel=1e-6)
        expected = replace(result, seconds=0, final_value=value)
        assert replace(looked.results[seed], seconds=0) == expected


def test_a_run_that_never_comes_near_ends_with_an_evaluation_of_all_samples(tiny, tmp_path):
    first = {"samples": 70, "factor": 1.2}
    progress = train_tiny(tiny, tmp_path, settings_with({"first_look": first}, **stop_at(1.0)))
    assert {result.status for result in progress.results.values()} == {"step-limit"}
    looks = [(row.step, row.samples) for row in fid_rows(progress) if row.seed == 0]
    assert looks == [(20, 70), (40, 70), (60, 80)]


def test_an_interrupted_run_ends_as_an_uninterrupted_one(tiny, tmp_path):
    whole = train_tiny(tiny, tmp_path / "whole", SETTINGS)

    class Stop(Exception):
        pass

    def stop_after(step):
        def save(self, state):
            original(self, state)
            if state["progress"]["step"] >= step:
                raise Stop

        return save

    original = StateFile.save
    for step in (7, 20, 33, 59):
        patch = pytest.MonkeyPatch()
        patch.setattr(StateFile, "save", stop_after(step))
        with pytest.raises(Stop):
            train_tiny(tiny, tmp_path, SETTINGS, save_every=0)
        patch.undo()
    said = []
    resumed = train_tiny(tiny, tmp_path, SETTINGS, log_line=said.append)
    assert "continuing" in said[0]
    assert resumed.rows == whole.rows
    assert same_generators(resumed.generators, whole.generators)


def test_a_damaged_state_costs_one_save_and_changes_nothing(tiny, tmp_path, monkeypatch):
    whole = train_tiny(tiny, tmp_path / "whole", SETTINGS)
    save = StateFile.save

    def last_save(self, state):
        save(self, state)
        if state["progress"]["step"] == 33:
            raise KeyboardInterrupt

    monkeypatch.setattr(StateFile, "save", last_save)
    with pytest.raises(KeyboardInterrupt):
        train_tiny(tiny, tmp_path, SETTINGS, save_every=0)
    monkeypatch.undo()
    state = tmp_path / "state.pt"
    damaged = bytearray(state.read_bytes())
    damaged[len(damaged) // 2] ^= 8
    state.write_bytes(damaged)
    said = []
    resumed = train_tiny(tiny, tmp_path, SETTINGS, log_line=said.append)
    previous = tmp_path / "state.previous.pt"
    assert said[0] == f"{state} is damaged; continuing from {previous}"
    assert resumed.rows == whole.rows
    assert same_generators(resumed.generators, whole.generators)


@pytest.fixture
def watching():
    """A StopRequest that receives this process's signals during one test."""
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    yield StopRequest.watch()
    for number, handler in handlers.items():
        signal.signal(number, handler)


class Signalling:
    """A feature network that gets a signal at the second evaluation, in the middle of three."""

    def __init__(self, network):
        self._network, self._calls = network, 0
        self.dimensions = network.dimensions

    def features(self, images):
        self._calls += 1
        if self._calls == 3 + 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return self._network.features(images)


def test_an_evaluation_that_a_signal_broke_off_is_done_again(tiny, tmp_path, watching):
    whole = train_tiny(tiny, tmp_path / "whole", SETTINGS)
    features = Signalling(load_features(CLASSIFIER, tiny.weights, CPU))
    said = []
    with pytest.raises(Stopped) as stopped:
        train_tiny(tiny, tmp_path, SETTINGS, log_line=said.append, features=features, stop=watching)
    assert stopped.value.code == 128 + signal.SIGTERM
    assert "SIGTERM: state saved at step 40" in said[-1]
    state, _ = StateFile(tmp_path / "state.pt", "job").load()
    assert state["progress"]["step"] == 40
    assert len(state["progress"]["pending"]) == 3
    assert {row[1] for row in state["progress"]["rows"]} == {20}
    resumed = train_tiny(tiny, tmp_path, SETTINGS)
    assert resumed.rows == whole.rows
    assert same_generators(resumed.generators, whole.generators)


def test_a_signal_after_the_last_step_lets_the_job_finish(tiny, tmp_path, watching):
    progress = train_tiny(tiny, tmp_path, SETTINGS, stop=watching)
    os.kill(os.getpid(), signal.SIGTERM)  # while the outputs are written
    assert watching.status == 128 + signal.SIGTERM
    assert len(progress.results) == 3


def test_a_save_that_fails_is_a_line_and_training_goes_on(tiny, tmp_path, monkeypatch):
    def full(self, state):
        raise OSError(errno.ENOSPC, "No space left on device", str(self.path))

    monkeypatch.setattr(StateFile, "save", full)
    said = []
    progress = train_tiny(tiny, tmp_path, SETTINGS, save_every=0, log_line=said.append)
    assert {result.status for result in progress.results.values()} == {"step-limit"}
    expected = f"{tmp_path / 'state.pt'} is not saved (No space left on device): training goes on"
    assert expected in said


def test_the_script_writes_a_complete_record(tiny, tmp_path):
    assert start(tiny, tmp_path).wait() == 0, log_of(tmp_path)
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["generator_parameters"] == 8 * 8 * 16 + 8 * 4 * 16 + 4 * 16 + 2 * (8 + 4)
    assert record["dataset"]["images"] == 60
    assert [result["seed"] for result in record["results"]] == [0, 1, 2]
    assert [result["seconds"] for result in record["results"]] == [record["seconds"]] * 3
    header = (tmp_path / "history.csv").read_text().splitlines()[0].split(",")
    assert "seconds" not in header  # the only column that could differ between two runs
    assert job_of(record["settings"]) == job_of(SETTINGS)
    assert (tmp_path / "samples.png").stat().st_size > 100


def test_two_processes_write_one_complete_result(tiny, tmp_path):
    settings = settings_with(processes=2, limits={"steps": 20, "samples": None})
    assert start(tiny, tmp_path, settings=settings).wait() == 0, log_of(tmp_path)
    with open(tmp_path / "history.csv", newline="") as file:
        assert [row["step"] for row in csv.DictReader(file)] == ["20"] * 3 * 5
    assert log_of(tmp_path).count("starting from the beginning") == 1
