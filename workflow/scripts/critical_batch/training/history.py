"""What a training leaves of every evaluation and of every seed, as records with names."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal, NamedTuple

from torch import Tensor

Status = Literal["reached", "diverged", "step-limit"]
"""How a seed ends: at or below the threshold, with a value that is not finite, or neither."""


class Measures(NamedTuple):
    """Of one seed at its last step: losses, and Euclidean norms of the gradients."""

    generator_loss: float
    discriminator_loss: float
    generator_gradient_norm: float
    discriminator_gradient_norm: float


class HistoryRow(NamedTuple):
    """One number of one seed at one evaluation: a row of history.csv.

    metric: the name of a metric, or of a field of `Measures`. samples: generated images that a
    distance is of, None for what is no distance.
    """

    seed: int
    step: int
    metric: str
    value: float
    samples: int | None


@dataclass(frozen=True)
class SeedResult:
    """How a seed ended.

    steps: N(b), None unless reached. last_miss, first_hit: the evaluations between which it
    reached the threshold; None where there is none. final_value: by the metric that stops the
    training. seconds: of the job until then.
    """

    seed: int
    status: Status
    steps: int | None
    last_miss: int | None
    first_hit: int | None
    final_value: float
    final_step: int
    seconds: float


@dataclass
class TrainingState:
    """What a job has so far, besides its players: all of it is saved and restored.

    step: updates done. running: seeds still in training, in the order of their replicas. rows: the
    history. results: per finished seed. generators: per finished seed its generator's tensors.
    seconds: training time so far, of which evaluation_seconds went into evaluations.
    pending: per running seed its measures from the last step on until its evaluation is done, else
    None.
    """

    running: list[int]
    step: int = 0
    seconds: float = 0.0
    evaluation_seconds: float = 0.0
    rows: list[HistoryRow] = field(default_factory=list)
    results: dict[int, SeedResult] = field(default_factory=dict)
    generators: dict[int, dict[str, Tensor]] = field(default_factory=dict)
    pending: list[Measures] | None = None

    def to_plain(self) -> dict[str, Any]:
        """As lists, dicts, numbers and tensors, which can be saved without naming classes."""
        return {
            **vars(self),
            "rows": [list(row) for row in self.rows],
            "results": {seed: asdict(result) for seed, result in self.results.items()},
            "pending": self.pending and [list(measures) for measures in self.pending],
        }

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> "TrainingState":
        """From what `to_plain` gave."""
        pending = plain["pending"]
        return cls(
            **plain
            | {
                "rows": [HistoryRow(*row) for row in plain["rows"]],
                "results": {seed: SeedResult(**each) for seed, each in plain["results"].items()},
                "pending": pending and [Measures(*measures) for measures in pending],
            }
        )
