"""Lines of progress: counts, speed, time left."""

import io

import pytest
from critical_batch.runtime.progress_line import ProgressLine, duration, number


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("seconds", "done", "line"),
    [
        (10, 1200, "own: 1,200 of 3,033,042 images, 100 images/s, 8 h 25 min left"),
        (10, 3_032_042, "own: 3,032,042 of 3,033,042 images, 303184 images/s, 0 s left"),
        (100, 1_516_621, "own: 1,516,621 of 3,033,042 images, 15164 images/s, 2 min left"),
        (10, 200, "own: 200 of 3,033,042 images, 0 images/s"),
        (10, 4_000_000, "own: 4,000,000 of 3,033,042 images, 399980 images/s, 0 s left"),
    ],
)
def test_lines(capsys, seconds, done, line):
    clock = Clock()
    progress = ProgressLine("own", "images", 3_033_042, start=200, clock=clock)
    clock.now += seconds
    progress.report(done)
    assert capsys.readouterr().err == line + "\n"


def test_without_a_total(capsys):
    clock = Clock()
    progress = ProgressLine("own", "MB", None, clock=clock)
    clock.now += 2
    progress.report(10)
    assert capsys.readouterr().err == "own: 10 MB, 5 MB/s\n"


def test_at_most_one_line_per_interval():
    clock = Clock()
    progress = ProgressLine("own", "images", 10, interval=5.0, clock=clock)
    due = []
    for _ in range(12):
        clock.now += 1
        due.append(progress.due())
        if due[-1]:
            progress.report(1)
    assert [second for second, now in enumerate(due, 1) if now] == [5, 10]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        *((0, "0 s"), (0.6, "1 s"), (1.4, "1 s"), (59.4, "59 s"), (60, "1 min"), (100, "2 min")),
        *((3569, "59 min"), (3600, "1 h 00 min"), (3900, "1 h 05 min"), (90_000, "25 h 00 min")),
    ],
)
def test_durations(seconds, words):
    assert duration(seconds) == words


def test_a_line_is_due_every_five_seconds_and_counts_from_the_start(capsys):
    clock = Clock()
    progress = ProgressLine("own", "images", 100, clock=clock)
    due = []
    for _ in range(6):
        clock.now += 1
        due.append(progress.due())
    assert due == [False] * 4 + [True] * 2
    clock.now += 4
    progress.report(50)
    clock.now += 10
    progress.report(80)
    assert capsys.readouterr().err.splitlines() == [
        "own: 50 of 100 images, 5 images/s, 10 s left",
        "own: 80 of 100 images, 4 images/s, 5 s left",
    ]


def test_a_line_before_any_time_has_passed(capsys):
    progress = ProgressLine("own", "images", 3, clock=Clock())
    progress.report(0)
    progress.report(2)
    assert capsys.readouterr().err.splitlines() == [
        "own: 0 of 3 images, 0 images/s",
        "own: 2 of 3 images, 2000000000 images/s, 0 s left",
    ]


def test_what_is_done_leaves_no_time_and_a_line_is_there_at_once(monkeypatch):
    log, clock = io.BytesIO(), Clock()
    monkeypatch.setattr("sys.stderr", io.TextIOWrapper(log))
    progress = ProgressLine("own", "images", 10, clock=clock)
    clock.now += 100
    progress.report(10)
    assert log.getvalue() == b"own: 10 of 10 images, 0 images/s, 0 s left\n"


def test_the_clock_is_one_that_never_goes_back(monkeypatch):
    monkeypatch.setattr("time.time", lambda: 0.0)
    assert not ProgressLine("own", "images", 3).due()
    assert ProgressLine("own", "images", 3, interval=0.0).due()


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (8.04, 1, "8.0"),
        (8.04, 2, "8.04"),
        (0.01234, 1, "0.0123"),
        (-0.5, 1, "-0.5"),
        (-12.345, 1, "-12.3"),
        (1.0, 1, "1.0"),
        (-1.0, 2, "-1.00"),
        (float("nan"), 1, "nan"),
    ],
)
def test_distances_in_a_line_of_text(value, decimals, text):
    assert number(value, decimals) == text
