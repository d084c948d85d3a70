"""What follows from an evaluation for its seed: pure functions of rows."""

from dataclasses import replace

import pytest
from conftest import SETTINGS, job_of
from ttur.tables.training import HISTORY
from ttur.training.history import HistoryRow, Measures, SeedResult
from ttur.training.job import FirstLook
from ttur.training.judge import Judge
from ttur.training.scoring import FirstLook as Look
from ttur.training.scoring import Score

NAN, INF = float("nan"), float("inf")
JOB = job_of(SETTINGS | {"fid": SETTINGS["fid"] | {"threshold": 8.0}})  # 60 steps


def row(step=20, fid=9.0, **changes):
    values = HistoryRow(3, step, 4 * step, fid, 80, 0.5, -0.25, 1.0, 2.0)
    return values._replace(**changes)


class Recorder:
    """A scoring that keeps what it was asked for."""

    def __init__(self):
        self.asked = []

    def scores(self, *arguments):
        self.asked.append(arguments)
        return [Score(9.0, 80)]


@pytest.mark.parametrize(
    ("evaluation", "status"),
    [
        (row(fid=8.1), None),
        (row(fid=8.0), "reached"),
        (row(step=59, fid=8.1), None),
        (row(step=60, fid=8.1), "step-limit"),
        (row(step=60, fid=8.0), "reached"),
        (row(fid=NAN), "diverged"),
        (row(fid=-INF), "diverged"),
        (row(fid=1.0, generator_loss=NAN), "diverged"),
        (row(fid=1.0, discriminator_loss=INF), "diverged"),
        (row(fid=1.0, generator_gradient_norm=INF), "diverged"),
        (row(fid=1.0, discriminator_gradient_norm=NAN), "diverged"),
    ],
)
def test_how_a_seed_ends(evaluation, status):
    assert Judge(JOB, None).verdict(evaluation) == status


def test_a_row_holds_the_score_and_the_measures_under_their_names():
    measures = Measures(0.5, -0.25, 1.0, 2.0)
    assert Judge(JOB, None).row(3, 20, Score(9.0, 80), measures) == row()
    assert Measures._fields == HistoryRow._fields[-4:]
    assert HistoryRow._fields == tuple(HISTORY.columns)


@pytest.mark.parametrize(
    ("status", "steps", "last_miss", "first_hit"),
    [("reached", 40, 20, 40), ("diverged", None, 20, None), ("step-limit", None, 40, None)],
)
def test_the_bracket_of_a_seed(status, steps, last_miss, first_hit):
    rows = [row(step=20), row(step=40, fid=7.5)]
    expected = SeedResult(3, status, steps, last_miss, first_hit, 7.5, 40, 12.35)
    assert Judge(JOB, None).result(rows, status, 12.3456) == expected
    alone = Judge(JOB, None).result(rows[1:], status, 0.0)
    assert alone.last_miss == (40 if status == "step-limit" else None)


def test_a_first_look_is_taken_at_every_step_but_the_last():
    scoring = Recorder()
    looking = replace(JOB, fid=replace(JOB.fid, first_look=FirstLook(samples=70, factor=1.5)))
    for job, step in ((JOB, 20), (looking, 20), (looking, 59), (looking, 60)):
        assert Judge(job, scoring).scores("generator", [3, 5], step) == [Score(9.0, 80)]
    looks = [None, Look(70, 12.0), Look(70, 12.0), None]
    for (generator, streams, samples, look), step, expected in zip(
        scoring.asked, (20, 20, 59, 60), looks, strict=True
    ):
        assert (generator, samples, look) == ("generator", 80, expected)
        assert streams == [(3, "evaluation", step), (5, "evaluation", step)]
