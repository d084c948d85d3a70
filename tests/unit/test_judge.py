"""What follows from an evaluation for its seed: pure functions of rows."""

from dataclasses import replace

import pytest
from conftest import SETTINGS, job_of, stop_at
from critical_batch.metrics.evaluator import Evaluation
from critical_batch.metrics.evaluator import FirstLook as Look
from critical_batch.tables.training import HISTORY
from critical_batch.training.history import HistoryRow, Measures, SeedResult
from critical_batch.training.job import FirstLook
from critical_batch.training.judge import Judge

NAN, INF = float("nan"), float("inf")
JOB = job_of(SETTINGS | stop_at(8.0))  # 60 steps


KID = job_of(
    SETTINGS | stop_at(0.05, "kid") | {"metrics": {"kid": {"subsets": 3, "subset_size": 20}}}
)
MEASURES = Measures(0.5, -0.25, 1.0, 2.0)


def rows(step=20, job=JOB, distances=None, samples=80, **changes):
    """The rows of an evaluation of seed 3."""
    evaluation = Evaluation(distances or {"fid": 9.0}, samples)
    return Judge(job, None).rows(3, step, evaluation, MEASURES._replace(**changes))


def by_fid(value, step=20, **changes):
    return rows(step, distances={"fid": value}, **changes)


class Recorder:
    """An evaluator that keeps what it was asked for."""

    def __init__(self):
        self.asked = []

    def evaluate(self, *arguments):
        self.asked.append(arguments)
        return [Evaluation({"fid": 9.0}, 80)]


@pytest.mark.parametrize(
    ("evaluated", "status"),
    [
        (by_fid(8.1), None),
        (by_fid(8.0), "reached"),
        (by_fid(8.1, step=59), None),
        (by_fid(8.1, step=60), "step-limit"),
        (by_fid(8.0, step=60), "reached"),
        (by_fid(NAN), "diverged"),
        (by_fid(-INF), "diverged"),
        (by_fid(1.0, generator_loss=NAN), "diverged"),
        (by_fid(1.0, discriminator_loss=INF), "diverged"),
        (by_fid(1.0, generator_gradient_norm=INF), "diverged"),
        (by_fid(1.0, discriminator_gradient_norm=NAN), "diverged"),
    ],
)
def test_how_a_seed_ends(evaluated, status):
    assert Judge(JOB, None).verdict(evaluated) == status


@pytest.mark.parametrize(
    ("distances", "status"),
    [
        ({"kid": 0.05, "fid": 1e9}, "reached"),
        ({"kid": 0.051, "fid": 0.0}, None),
        ({"kid": 0.01, "fid": NAN}, "diverged"),
        ({"kid": NAN, "fid": 1.0}, "diverged"),
    ],
)
def test_the_metric_that_stops_a_training_is_the_one_of_its_rule(distances, status):
    assert Judge(KID, None).verdict(rows(job=KID, distances=distances)) == status


def test_rows_hold_the_distances_with_their_samples_then_the_measures():
    assert rows(distances={"kid": 0.1, "fid": 9.0}, samples=70) == [
        HistoryRow(3, 20, "kid", 0.1, 70),
        HistoryRow(3, 20, "fid", 9.0, 70),
        HistoryRow(3, 20, "generator_loss", 0.5, None),
        HistoryRow(3, 20, "discriminator_loss", -0.25, None),
        HistoryRow(3, 20, "generator_gradient_norm", 1.0, None),
        HistoryRow(3, 20, "discriminator_gradient_norm", 2.0, None),
    ]
    assert HistoryRow._fields == tuple(HISTORY.columns)


@pytest.mark.parametrize(
    ("status", "steps", "last_miss", "first_hit"),
    [("reached", 40, 20, 40), ("diverged", None, 20, None), ("step-limit", None, 40, None)],
)
def test_the_bracket_of_a_seed(status, steps, last_miss, first_hit):
    last = by_fid(7.5, step=40)
    expected = SeedResult(3, status, steps, last_miss, first_hit, 7.5, 40, 12.35)
    assert Judge(JOB, None).result(rows(step=20) + last, status, 12.3456) == expected
    alone = Judge(JOB, None).result(last, status, 0.0)
    assert alone.last_miss == (40 if status == "step-limit" else None)


def test_the_final_value_is_of_the_metric_that_stops():
    evaluated = rows(job=KID, distances={"kid": 0.03, "fid": 9.0})
    assert Judge(KID, None).result(evaluated, "reached", 1.0).final_value == 0.03


def test_a_first_look_is_taken_at_every_step_but_the_last():
    evaluator = Recorder()
    looking = replace(JOB, fid=replace(JOB.fid, first_look=FirstLook(samples=70, factor=1.5)))
    for job, step in ((JOB, 20), (looking, 20), (looking, 59), (looking, 60)):
        found = Judge(job, evaluator).evaluations("generator", [3, 5], step)
        assert found == [Evaluation({"fid": 9.0}, 80)]
    looks = [None, Look(70, "fid", 12.0), Look(70, "fid", 12.0), None]
    for (generator, streams, samples, look), step, expected in zip(
        evaluator.asked, (20, 20, 59, 60), looks, strict=True
    ):
        assert (generator, samples, look) == ("generator", 80, expected)
        assert streams == [(3, "evaluation", step), (5, "evaluation", step)]


def test_a_first_look_is_by_the_metric_that_stops():
    evaluator, look = Recorder(), FirstLook(samples=70, factor=2.0)
    looking = replace(KID, fid=replace(KID.fid, first_look=look))
    Judge(looking, evaluator).evaluations("generator", [3], 20)
    assert evaluator.asked[0][3] == Look(70, "kid", 0.1)
