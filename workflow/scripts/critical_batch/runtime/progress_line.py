"""How far a long job is: one line on stderr now and then."""

import sys
import time
from collections.abc import Callable


class ProgressLine:
    """Counts what is done in `unit`, from `start` on, of `total` (None where unknown).

    interval: least seconds between two lines.
    """

    def __init__(
        self,
        name: str,
        unit: str,
        total: int | None,
        start: int = 0,
        interval: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._name, self._unit, self._total, self._start = name, unit, total, start
        self._interval, self._clock = interval, clock
        self._begin = self._last = clock()

    def due(self) -> bool:
        """Whether it is time for the next line."""
        return self._clock() - self._last >= self._interval

    def report(self, done: int) -> None:
        """Writes a line such as `lsun: 51,200 of 3,033,042 images, 811 images/s, 1 h 01 min left`.

        The speed is the mean since the start.
        """
        self._last = self._clock()
        rate = (done - self._start) / max(self._last - self._begin, 1e-9)
        of = "" if self._total is None else f" of {self._total:,}"
        line = f"{self._name}: {done:,}{of} {self._unit}, {rate:.0f} {self._unit}/s"
        if self._total is not None and rate > 0:
            line += f", {duration(max(0, self._total - done) / rate)} left"
        print(line, file=sys.stderr, flush=True)


def number(value: float, decimals: int = 1) -> str:
    """A distance for a line of text: with so many decimals, or three digits where it is below 1."""
    return f"{value:.3g}" if abs(value) < 1 else f"{value:.{decimals}f}"


def duration(seconds: float) -> str:
    """Such as `40 s`, `7 min` or `1 h 05 min`."""
    minutes = round(seconds / 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60:02} min"
    return f"{minutes} min" if seconds >= 60 else f"{round(seconds)} s"
