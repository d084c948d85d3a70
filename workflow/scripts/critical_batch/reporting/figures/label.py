"""What is written on the figures of one experiment."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Label:
    """title: of the experiment, with its section. metric: its name. threshold: in the metric."""

    title: str
    metric: str
    threshold: float
