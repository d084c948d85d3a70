"""The training loop by hand: what it does when, with networks so small that a run takes moments."""

import errno
import signal
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import SETTINGS, job_of, stop_at
from critical_batch.data.labels import SampleLabels
from critical_batch.data.shape import ImageShape
from critical_batch.metrics import Distance
from critical_batch.metrics.evaluator import Evaluation, draw, generate
from critical_batch.metrics.pixels import to_uint8
from critical_batch.networks.replicated import replica_state
from critical_batch.runtime.streams import generator as random_stream
from critical_batch.training import journal, loop, memory, trainer
from critical_batch.training import seed_groups as groups_module
from critical_batch.training.data import TrainingData
from critical_batch.training.history import HistoryRow, Measures, SeedResult, TrainingState
from critical_batch.training.images import ImageStore
from critical_batch.training.inputs import TrainingInputs
from critical_batch.training.loop import train
from critical_batch.training.resume_state import StateFile
from critical_batch.training.signals import Stopped, StopRequest
from critical_batch.training.step import build_pair, update
from critical_batch.training.world import World

CPU = torch.device("cpu")
SEEDS = [7, 3, 5]
LATENT, BATCH = 3, 4
SMALL = SETTINGS | {
    "networks": SETTINGS["networks"]
    | {"latent": LATENT, "generator_width": 2, "discriminator_width": 2},
    "seeds": SEEDS,
    "batch_size": BATCH,
    "limits": {"steps": 6, "samples": None},
    "generator_rate": 0.003,
    "discriminator_rate": 0.001,
}
FID = SETTINGS["fid"] | {
    "samples": 6,
    "pixel_map": "stretch",
    "grid": {"kind": "linear", "every": 2},
}


def settings_of(fid=None, **changes):
    return SMALL | {"fid": FID | (fid or {})} | stop_at(5.0) | changes


def dataset(classes=3):
    """20 grey images of 8x8, class 0 twice as often as 1 and 2."""
    random = np.random.default_rng(1)
    labels = np.arange(20) % 4 % 3 if classes else np.full(20, -1)
    manifest = {"classes": classes, "height": 8, "width": 8, "channels": 1}
    images = random.integers(0, 256, (20, 8, 8, 1), dtype=np.uint8)
    return SimpleNamespace(images=images, labels=labels, manifest=manifest)


class Quarters:
    """A feature network: the mean of each quarter of an image. Keeps what it was shown."""

    dimensions = 4

    def __init__(self, seen=lambda: None):
        self.shown, self._seen = [], seen

    def features(self, images):
        self._seen()
        self.shown.append(images)
        return torch.nn.functional.avg_pool2d(images.float(), 4).flatten(1)


class Scripted:
    """A reference that gives these distances, one after the other."""

    def __init__(self, *distances):
        self._left = iter(distances)

    def distance(self, mean, covariance):
        return next(self._left)


class Far:
    """A reference whose distance is a number between 10 and 11 that depends on every image."""

    def distance(self, mean, covariance):
        return 10 + float((mean.sum() + covariance.sum()).sin().abs())


class Clock:
    """Seconds that pass only where a test says so."""

    def __init__(self):
        self.now = 1000.0

    def perf_counter(self):
        return self.now

    def passes(self, seconds):
        self.now += seconds


@pytest.fixture
def clock(monkeypatch):
    """A step takes 3 seconds, the features of a piece of images 10."""
    clock, step_all = Clock(), trainer.step_all

    def slow(groups, step):
        clock.passes(3)
        return step_all(groups, step)

    for module in (loop, journal):
        monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(trainer, "step_all", slow)
    return clock


def run(folder, settings=None, reference=None, features=None, data=None, **options):
    options = {"save_every": 1e9, "log_line": lambda line: None} | options
    return train(
        job_of(settings or settings_of()),
        data or dataset(),
        features or Quarters(),
        {"fid": Distance.of("fid", {}, reference or Far())},
        state_file=StateFile(folder / "state.pt", "job"),
        device=CPU,
        **options,
    )


def column(progress, name, seed=None):
    """A field of the rows of the FID, or the values of the rows of another name."""
    field, metric = (name, "fid") if name in HistoryRow._fields else ("value", name)
    rows = (row for row in progress.rows if row.metric == metric)
    return [getattr(row, field) for row in rows if seed is None or row.seed == seed]


def same(one, other):
    """Whether two runs have the same history, results and generators, to the bit."""
    assert one.rows == other.rows
    for seed, result in one.results.items():
        assert replace(result, seconds=0) == replace(other.results[seed], seconds=0)
        for name, value in one.generators[seed].items():
            assert torch.equal(value, other.generators[seed][name])
    return one.results.keys() == other.results.keys()


# ------------------------------------------------------------------------- results


@pytest.mark.parametrize("together", [True, False])
def test_how_every_seed_ends_and_what_is_kept_of_it(tmp_path, monkeypatch, together):
    """The first is exactly at the threshold, the second is no number, the third never arrives."""
    monkeypatch.setattr(groups_module, "MAPS_TOGETHER", 2**19 if together else 0)
    distances = Scripted(9.0, 6.0, 7.0, 5.0, float("nan"), 8.0, 5.5)
    progress = run(tmp_path, reference=distances).state
    assert progress.results == {
        7: result(7, "reached", steps=4, last_miss=2, first_hit=4, final_value=5.0, final_step=4),
        3: result(3, "diverged", last_miss=2, final_value=pytest.approx(float("nan"), nan_ok=True)),
        5: result(5, "step-limit", last_miss=6, final_value=5.5, final_step=6),
    }
    assert (progress.step, progress.running, progress.pending) == (6, [], None)
    assert column(progress, "seed") == [7, 3, 5, 7, 3, 5, 5]
    assert column(progress, "step") == [2, 2, 2, 4, 4, 4, 6]
    assert column(progress, "value", 5) == [7.0, 8.0, 5.5]
    assert column(progress, "samples") == [6] * 7
    assert list(progress.generators) == [7, 3, 5]


def result(seed, status, steps=None, last_miss=None, first_hit=None, final_value=0.0, final_step=4):
    values = (status, steps, last_miss, first_hit, final_value, final_step)
    return SeedResult(seed, *values, seconds=Seconds())


class Seconds:
    """Equals a number of seconds that are rounded to hundredths."""

    def __eq__(self, other):
        return 0 <= other == round(other, 2)


def test_a_seed_that_is_there_at_the_first_look_has_no_miss(tmp_path):
    progress = run(tmp_path, reference=Scripted(4.0, float("inf"), 1.0)).state
    ends = [progress.results[seed] for seed in SEEDS]
    assert [end.status for end in ends] == ["reached", "diverged", "reached"]
    assert [end.last_miss for end in ends] == [None] * 3
    assert [end.first_hit for end in ends] == [2, None, 2]
    assert [end.steps for end in ends] == [2, None, 2]


def test_a_loss_that_is_no_number_is_divergence_below_the_threshold_too(tmp_path, monkeypatch):
    def broken(groups, step):
        losses = step_all(groups, step)
        losses.discriminator[1] = float("inf")
        return losses

    step_all = trainer.step_all
    monkeypatch.setattr(trainer, "step_all", broken)
    progress = run(tmp_path, reference=Scripted(1.0, 1.0, 1.0)).state
    assert [progress.results[seed].status for seed in SEEDS] == [
        "reached",
        "diverged",
        "reached",
    ]


def test_samples_limit_the_steps(tmp_path):
    progress = run(tmp_path, settings_of(limits={"steps": 6, "samples": 13})).state
    assert column(progress, "step") == [2] * 3 + [3] * 3


def by_hand(seeds, steps, settings):
    """The players of these seeds after so many steps, and the losses of the last one."""
    data = dataset()
    job = job_of(settings)
    pair = build_pair(job, seeds, ImageShape(8, 1, 3), device=CPU)
    labels = SampleLabels.of(job.labels, data.labels, 3)
    source = ImageStore(data.images, CPU), torch.from_numpy(data.labels), labels
    draws = TrainingInputs(TrainingData(*source), job, seeds)
    for step in range(steps):
        discriminator_loss, generator_loss = update(pair, draws.at(step))
    return pair, generator_loss.tolist(), discriminator_loss.tolist()


def norms(network):
    """Euclidean norm of all of a replica's gradient, per replica."""
    parts = [parameter.grad.flatten(1) for parameter in network.parameters()]
    return torch.cat(parts, dim=1).norm(dim=1).tolist()


def test_every_column_holds_what_it_is_named_after(tmp_path):
    settings = settings_of(labels="uniform", latent_reuse=False)
    progress = run(tmp_path, settings).state
    for steps, first in ((2, 0), (4, 3), (6, 6)):
        pair, generator_loss, discriminator_loss = by_hand(SEEDS, steps, settings)
        found = [column(progress, name)[first : first + 3] for name in Measures._fields]
        expected = zip(
            generator_loss,
            discriminator_loss,
            norms(pair.generator),
            norms(pair.discriminator),
            strict=True,
        )
        for row, values in zip(zip(*found, strict=True), expected, strict=True):
            assert row == pytest.approx(values, rel=1e-5)
            assert min(abs(a - b) for a in values for b in values if a is not b) > 1e-4
    for replica, seed in enumerate(SEEDS):
        final = replica_state(pair.generator, replica)
        for name, value in progress.generators[seed].items():
            assert torch.equal(value, final[name]), name


def test_what_is_evaluated_and_kept_is_the_moving_average(tmp_path):
    settings = settings_of(ema={"decay": 0.9, "start_step": 0})
    progress = run(tmp_path, settings).state
    pair, *_ = by_hand(SEEDS, 6, settings)
    kept = replica_state(pair.sampler, 1)
    plain = replica_state(pair.generator, 1)
    assert all(torch.equal(value, kept[name]) for name, value in progress.generators[3].items())
    assert any(not torch.equal(kept[name], plain[name]) for name in kept)


def test_networks_have_the_sizes_that_are_reported(tmp_path):
    outcome = run(tmp_path)
    pair, *_ = by_hand([7], 1, SMALL)
    counts = [
        sum(p.numel() for p in network.parameters())
        for network in (pair.generator, pair.discriminator)
    ]
    assert [outcome.generator_parameters, outcome.discriminator_parameters] == counts
    assert counts[0] != counts[1]


# ------------------------------------------------------------------------- evaluation


def test_an_evaluation_is_of_the_images_of_its_seed_and_step(tmp_path):
    """Latents of stream (seed, evaluation, step), classes as often as in the data."""
    features = Quarters()
    run(tmp_path, features=features)
    shown = iter(features.shown)
    labels = SampleLabels([10, 5, 5])
    for step in (2, 4, 6):
        pair, *_ = by_hand(SEEDS, step, settings_of())
        for replica, seed in enumerate(SEEDS):
            inputs = draw(LATENT, labels, 6, random_stream(seed, "evaluation", step))
            images = generate(pair.generator, replica, inputs)
            assert torch.equal(next(shown), to_uint8(images, "stretch"))
    assert next(shown, None) is None


def test_a_first_look_spares_samples_far_from_the_threshold_but_for_the_last_step(tmp_path):
    """Up to twice the threshold the look settles nothing; at the last step there is none."""
    fid = {"first_look": {"samples": 4, "factor": 2.0}}
    distances = Scripted(10.5, 10.0, 9.0, 30.0)
    progress = run(tmp_path, settings_of(fid, seeds=[3]), distances).state
    assert column(progress, "samples") == [4, 6, 6]
    assert column(progress, "value") == [10.5, 9.0, 30.0]


def test_evaluations_leave_training_alone(tmp_path):
    seldom = run(tmp_path / "a", settings_of({"grid": {"kind": "linear", "every": 6}})).state
    often = run(tmp_path / "b", settings_of({"grid": {"kind": "linear", "every": 1}})).state
    assert column(often, "step", 3) == [1, 2, 3, 4, 5, 6]
    assert [row for row in often.rows if row.step == 6] == seldom.rows


def test_who_goes_on_trains_as_if_the_others_had_never_been(tmp_path):
    """Seed 7 ends first, then 5: the draws and the streams of 3 stay its own."""
    features, alone = Quarters(), Quarters()
    distances = Scripted(1.0, 9.0, 9.0, 9.0, 1.0, 9.0)
    progress = run(tmp_path / "a", reference=distances, features=features).state
    assert column(progress, "seed") == [7, 3, 5, 3, 5, 3]
    assert progress.results[5].steps == 4
    run(tmp_path / "b", settings_of(seeds=[3]), Scripted(9.0, 9.0, 9.0), alone)
    for mine, other in zip([1, 3, 5], range(3), strict=True):
        difference = features.shown[mine].int() - alone.shown[other].int()
        assert difference.abs().max() <= 1


# ------------------------------------------------------------------------- interruptions


class Ends:
    """A StopRequest to which a signal comes before step `step`, or at a step's evaluation."""

    def __init__(self, step=None, evaluation=None):
        self.stop, self._checks, self._evaluations = StopRequest(), step, evaluation
        self.follow = self.stop.follow

    def defer(self):
        self.stop.defer()

    def check(self):
        if self._checks == 0:
            self.stop._received = signal.SIGTERM
        if self._checks is not None:
            self._checks -= 1
        self.stop.check()

    def at_once(self):
        if self._evaluations == 0:
            self.stop._received = signal.SIGTERM
        if self._evaluations is not None:
            self._evaluations -= 1
        return self.stop.at_once()


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize(
    ("where", "step", "pending"),
    [
        ({"step": 0}, 0, False),
        ({"step": 1}, 1, False),
        ({"evaluation": 0}, 2, True),
        ({"step": 3}, 3, False),
        ({"evaluation": 1}, 4, True),
        ({"step": 4}, 4, False),
        ({"evaluation": 2}, 6, True),
    ],
)
def test_a_run_that_was_stopped_goes_on_as_if_it_had_not(
    tmp_path, monkeypatch, together, where, step, pending
):
    """Anywhere, with a seed that has ended before."""
    monkeypatch.setattr(groups_module, "MAPS_TOGETHER", 2**19 if together else 0)

    class First(Far):
        """The second seed is there at step 2."""

        def distance(self, mean, covariance):
            distance = super().distance(mean, covariance)
            return distance if distance > 10.5 else 4.0

    whole = run(tmp_path / "whole", reference=First()).state
    said = []
    with pytest.raises(Stopped) as stopped:
        run(tmp_path / "cut", reference=First(), stop=Ends(**where), log_line=said.append)
    assert stopped.value.code == 128 + signal.SIGTERM
    assert said[-1] == f"SIGTERM: state saved at step {step}, the next run continues"
    state, _ = StateFile(tmp_path / "cut/state.pt", "job").load()
    assert state["progress"]["step"] == step
    assert (state["progress"]["pending"] is not None) == pending
    said = []
    assert same(run(tmp_path / "cut", reference=First(), log_line=said.append).state, whole)
    assert said[0] == f"continuing from {tmp_path / 'cut/state.pt'}"


def test_a_signal_in_the_middle_of_a_step_waits_for_its_end(tmp_path, monkeypatch, capsys):
    stop, step_all = StopRequest(), trainer.step_all

    def interrupted(groups, step):
        if step == 3:
            stop._receive(signal.SIGUSR1, None)
        return step_all(groups, step)

    monkeypatch.setattr(trainer, "step_all", interrupted)
    said = []
    with pytest.raises(Stopped):
        run(
            tmp_path,
            settings_of({"grid": {"kind": "linear", "every": 6}}),
            stop=stop,
            log_line=said.append,
        )
    assert said[-1] == "SIGUSR1: state saved at step 4, the next run continues"
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("where", [{"step": 3}, {"evaluation": 1}])
def test_seconds_of_a_run_that_was_stopped_are_those_of_both_parts(tmp_path, clock, where):
    features = Quarters(lambda: clock.passes(10.123))
    with pytest.raises(Stopped):
        run(tmp_path, features=features, stop=Ends(**where))
    clock.passes(5000)
    progress = run(tmp_path, features=features).state
    assert progress.seconds == pytest.approx(6 * 3 + 9 * 10.123)
    assert progress.evaluation_seconds == pytest.approx(9 * 10.123)
    assert {result.seconds for result in progress.results.values()} == {109.11}


def test_a_state_is_saved_when_it_is_time_and_who_watches_is_told(tmp_path, clock, monkeypatch):
    """Every seven seconds at most: of 3 each, after the third step, the sixth, ..."""
    saved, seen, save = [], [], StateFile.save

    def watched(self, state):
        saved.append((state["progress"]["step"], clock.now))
        assert [set(pair) for pair in state["players"]] == [
            {"generator", "discriminator", "generator_optimizer", "discriminator_optimizer"}
        ]
        save(self, state)

    monkeypatch.setattr(StateFile, "save", watched)
    settings = settings_of({"grid": {"kind": "linear", "every": 8}}, limits={"steps": 10})

    def on_progress(progress: TrainingState, limit: int):
        seen.append((progress.step, limit, len(progress.results)))

    run(
        tmp_path, settings, Scripted(1.0, 9.0, 9.0, 9.0, 9.0), save_every=7, on_progress=on_progress
    )
    assert saved == [(3, 1009.0), (6, 1018.0), (9, 1027.0)]
    assert seen == [(0, 10, 0), (3, 10, 0), (6, 10, 0), (8, 10, 1), (9, 10, 1), (10, 10, 3)]


def test_it_is_not_time_yet_after_exactly_the_seconds_between_two_saves(
    tmp_path, clock, monkeypatch
):
    saved = []
    monkeypatch.setattr(
        StateFile, "save", lambda self, state: saved.append(state["progress"]["step"])
    )
    run(tmp_path, save_every=6)
    assert saved == [3]  # 9 seconds; the next would be at 18, when all is done


def test_a_disk_that_is_full_ends_nothing_and_a_signal_says_no_untruth(tmp_path, monkeypatch):
    def full(self, state):
        raise OSError(errno.ENOSPC, "No space left on device")

    whole = run(tmp_path / "whole").state
    monkeypatch.setattr(StateFile, "save", full)
    said = []
    assert same(run(tmp_path, save_every=-1, log_line=said.append).state, whole)
    line = f"{tmp_path / 'state.pt'} is not saved (No space left on device): training goes on"
    assert said[1:-1] == [line] * 6
    said.clear()
    with pytest.raises(Stopped):
        run(tmp_path, stop=Ends(step=1), log_line=said.append)
    assert said == ["starting from the beginning", line]


# ------------------------------------------------------------------------- what it says


def test_a_report_now_and_then_and_at_the_end(tmp_path, clock):
    """A step of 3 seconds, looks of 3 seconds in all: a report after more than ten seconds."""
    features, said = Quarters(lambda: clock.passes(1)), []
    settings = settings_of({"grid": {"kind": "linear", "every": 1}}, limits={"steps": 5})
    distances = Scripted(9.04, 8.0, 7.0, 6.0, 6.0, 4.0, 7.0, 7.0, 6.26, 8.0, 9.0, 9.0)
    run(tmp_path, settings, distances, features, log_line=said.append)
    assert said == [
        "starting from the beginning",
        "step 2/5  0.2 steps/s  classifier-FID 6.0 6.0 4.0  running 2  at most 0.3 min left",
        "step 5/5  0.2 steps/s  classifier-FID 9.0 9.0  running 0  at most 0.0 min left",
    ]


def test_ten_seconds_since_the_last_report_are_too_few(tmp_path, clock):
    features, said = Quarters(lambda: clock.passes(7)), []
    settings = settings_of({"grid": {"kind": "linear", "every": 1}}, limits={"steps": 3})
    run(tmp_path, settings | {"seeds": [3]}, features=features, log_line=said.append)
    assert [line.split()[1] for line in said[1:]] == ["2/3", "3/3"]


def test_a_clock_that_stands_still_is_no_division_by_zero(tmp_path, monkeypatch):
    clock = Clock()
    for module in (loop, journal):
        monkeypatch.setattr(module, "time", clock)
    said = []
    run(tmp_path, settings_of(seeds=[3]), Scripted(7.0, 7.0, 4.0), log_line=said.append)
    assert said[1:] == [
        "step 6/6  6000000000.0 steps/s  classifier-FID 4.0  running 0  at most 0.0 min left"
    ]


def test_memory_that_is_short_is_said_before_training(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "training_bytes", lambda *job: 2 << 30)
    monkeypatch.setattr(memory, "ceiling_bytes", lambda *job: 3 << 30)
    said = []
    for free in (1 << 30, 2 << 30, 3 << 30):
        monkeypatch.setattr(memory, "available_bytes", lambda device, free=free: free)
        run(tmp_path, log_line=said.append)
        said[-1] = "ended"
    assert said[0].startswith(
        "batch size 4 with 3 seeds at a time needs about 2.0 GiB, 1.0 GiB are free: "
    )
    assert said[1:] == ["starting from the beginning", "ended"] * 3


def test_what_fits_by_the_quick_bound_is_not_counted(tmp_path, monkeypatch):
    asked = []

    def answers(name, value):
        def answer(*arguments):
            asked.append((name, *arguments))
            return value

        monkeypatch.setattr(memory, name, answer)

    answers("training_bytes", 0)
    for bound, free in ((100, 100), (100, 99), (None, 10**18)):
        answers("ceiling_bytes", bound)
        answers("available_bytes", free)
        run(tmp_path)
    job, shape = job_of(settings_of()), ImageShape(8, 1, 3)
    quick = [("available_bytes", CPU), ("ceiling_bytes", job, shape)]
    counted = ("training_bytes", job, shape, CPU)
    assert asked == [*quick, *quick, counted, *quick, counted]


@pytest.mark.parametrize("error", [RuntimeError, TypeError, ValueError])
def test_networks_that_look_at_their_data_train_without_an_estimate(tmp_path, monkeypatch, error):
    def look(*job):
        raise error("cannot  look\nat shapes" + "." * 300)

    monkeypatch.setattr(memory, "training_bytes", look)
    monkeypatch.setattr(memory, "available_bytes", lambda device: 0)
    said = []
    assert len(run(tmp_path, log_line=said.append).state.results) == 3
    assert said[0] == (
        "memory is not estimated, the networks do not run without data (cannot look at shapes"
        + "." * 179
        + ")"
    )


# ------------------------------------------------------------------------- several processes


class Second(World):
    """The second of two processes of a job, without the first: that one's distances are known."""

    def __init__(self, *distances):
        super().__init__(rank=1, size=2)
        self._distances, self.agreed, self.averaged = iter(distances), [], 0

    def average_gradients(self, parameters):
        self.averaged += 1

    def mean(self, values):
        return values * 0 + torch.arange(len(values))

    def agree(self, value):
        self.agreed.append(value)

    def from_first(self, values):
        assert values == []
        return [Evaluation({"fid": each}, 6) for each in next(self._distances)]


def test_the_other_processes_neither_evaluate_nor_save_nor_report_progress(tmp_path):
    world, watched = Second([9.0, 4.0, 9.0], [4.5, 6.0], [7.0]), []
    features = Quarters()

    def on_progress(progress, limit):
        watched.append(progress.step)

    progress = run(
        tmp_path, features=features, world=world, save_every=-1, on_progress=on_progress
    ).state
    assert features.shown == []
    assert list(tmp_path.iterdir()) == []
    assert watched == [0, 2, 4, 6]
    assert world.agreed == [0]
    assert world.averaged == 2 * 6  # both players, at every step
    ends = {seed: result.status for seed, result in progress.results.items()}
    assert ends == {3: "reached", 7: "reached", 5: "step-limit"}
    assert column(progress, "value") == [9.0, 4.0, 9.0, 4.5, 6.0, 7.0]
    # Losses are those of all processes.
    assert column(progress, "generator_loss") == [0, 1, 2, 0, 1, 0]
    assert column(progress, "discriminator_loss") == [0, 1, 2, 0, 1, 0]


def test_what_the_first_process_saves_is_saved(tmp_path):
    said = []
    with pytest.raises(Stopped):
        run(tmp_path, world=Second(), stop=Ends(step=1), log_line=said.append)
    assert said[-1] == "SIGTERM: state saved at step 1, the next run continues"
    assert list(tmp_path.iterdir()) == []


def test_processes_agree_on_where_they_go_on(tmp_path):
    with pytest.raises(Stopped):
        run(tmp_path, stop=Ends(step=3))
    world = Second([4.0, 4.0, 4.0])
    run(tmp_path, world=world)
    assert world.agreed == [3]
