"""When a run ends at the latest, and at which of its steps the FID is evaluated."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """When a run ends that does not reach the threshold.

    steps: the most generator steps. samples: the most training images (batch size x steps); None
    for no such limit.
    """

    steps: int
    samples: int | None = None

    def last_step(self, batch_size: int) -> int:
        """The last step of a run: `steps`, or fewer where samples run out first.

        At least 1: a configuration whose samples are less than one batch is refused.
        """
        if self.samples is None:
            return self.steps
        return max(min(self.steps, self.samples // batch_size), 1)


@dataclass(frozen=True)
class LogGrid:
    """Steps first, first * factor, first * factor^2, ... rounded.

    The relative resolution of N(b) is thus the same for all batch sizes. factor > 1.
    """

    first: int
    factor: float
    kind: str = "log"

    def steps(self, limit: int) -> list[int]:
        """Increasing steps in [1, limit]; the last one is always `limit`."""
        steps, step = [], float(self.first)
        while round(step) < limit:
            steps.append(round(step))
            step = max(step * self.factor, step + 1)
        return [*steps, limit]

    def most(self, limit: int) -> int:
        """At least the length of `steps`, without making the list.

        One by one up to 1 / (factor - 1), from where on a factor is more than one step.
        """
        singles = max(min(1 / (self.factor - 1), limit) - self.first, 0)
        reached = self.first + singles
        factors = math.log(limit / reached) / math.log(self.factor) if limit > reached else 0
        return math.ceil(singles) + math.ceil(factors) + 2


@dataclass(frozen=True)
class LinearGrid:
    """Steps every, 2 * every, ..."""

    every: int
    kind: str = "linear"

    def steps(self, limit: int) -> list[int]:
        """Increasing steps in [1, limit]; the last one is always `limit`."""
        return [*range(self.every, limit, self.every), limit]

    def most(self, limit: int) -> int:
        """The length of `steps`."""
        return -(-limit // self.every)


Grid = LogGrid | LinearGrid
