"""What a training job asks a cluster for: minutes and memory, as pure functions.

Upper bounds for the scheduler, not forecasts: a job that ends earlier gives its place back, and one
that is stopped at its limit continues from its saved state with more.
"""

import math
from collections.abc import Mapping
from typing import Any

from .training.grid import evaluation_steps, step_limit

LONGEST_MINUTES = 1440
"""A day: what most partitions allow. A longer training is continued by the next attempt."""

# Rates that a job stays above with room to spare: a slow step costs so many seconds by itself ...
_SECONDS_PER_STEP = 0.05
# ... and its images so many pixels a second: 1000 images of 64 x 64, or 60 of 256 x 256.
_PIXELS_PER_SECOND = 4e6
_SAMPLES_SCORED_PER_SECOND = 500
_MARGIN = 1.5
_START_SECONDS = 600

_BASE_MEGABYTES = {"cpu": 1500, "cuda": 8000}
"""Two Snakemake processes, torch and its libraries, and pieces of images in work."""
_BYTES_PER_NUMBER = {"cpu": 1600, "cuda": 16}
"""Of a batch: on a CPU its activations and gradients, with a GPU only the images on their way."""


def training_seconds(
    limits: Mapping[str, Any],
    fid: Mapping[str, Any],
    batch_size: int,
    seeds: int,
    image_size: int,
    rate: float | None = None,
) -> float:
    """At most how long a job trains, evaluations included.

    limits, fid: sections of the experiment's configuration. seeds: trained together in the job.
    image_size: side in pixels. rate: measured steps per second of the job, where it was probed.
    """
    steps = step_limit(limits, batch_size)
    a_step = _SECONDS_PER_STEP + batch_size * seeds * image_size**2 / _PIXELS_PER_SECOND
    training = steps * a_step if rate is None else _MARGIN * steps / rate
    evaluations = len(evaluation_steps(fid["grid"], steps))
    return training + evaluations * seeds * fid["samples"] / _SAMPLES_SCORED_PER_SECOND


def minutes(seconds: float, attempt: int) -> int:
    """Minutes to ask for: with time to start, more at every attempt (1, 2, ...), at most a day."""
    return min(math.ceil((_START_SECONDS + seconds) * attempt / 60), LONGEST_MINUTES)


def megabytes(device: str, numbers: int, attempt: int) -> int:
    """Memory of the machine to ask for, more at every attempt (1, 2, ...).

    device: cpu or cuda. numbers: of a whole batch, seeds x b x channels x height x width.
    """
    batch = numbers * _BYTES_PER_NUMBER[device] / 2**20
    return math.ceil((_BASE_MEGABYTES[device] + batch) * attempt)
