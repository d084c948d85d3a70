"""Lines of progress: counts, speed, time left."""

import pytest
from ttur.progress import Progress


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
    progress = Progress("own", "images", 3_033_042, start=200, clock=clock)
    clock.now += seconds
    progress.report(done)
    assert capsys.readouterr().err == line + "\n"


def test_without_a_total(capsys):
    clock = Clock()
    progress = Progress("own", "MB", None, clock=clock)
    clock.now += 2
    progress.report(10)
    assert capsys.readouterr().err == "own: 10 MB, 5 MB/s\n"


def test_at_most_one_line_per_interval():
    clock = Clock()
    progress = Progress("own", "images", 10, interval=5.0, clock=clock)
    due = []
    for _ in range(12):
        clock.now += 1
        due.append(progress.due())
        if due[-1]:
            progress.report(1)
    assert [second for second, now in enumerate(due, 1) if now] == [5, 10]
