"""What a training job asks a cluster for: minutes and memory, as pure functions.

Upper bounds for the scheduler, not forecasts: a job that ends earlier gives its place back, and one
that is stopped at its limit continues from its saved state with more.
"""

import math

from .job import TrainingJob

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


def training_seconds(job: TrainingJob, image_size: int, rate: float | None = None) -> float:
    """At most how long a job trains, evaluations included.

    image_size: side in pixels. rate: measured steps per second of the job, where it was probed.
    """
    steps, seeds = job.last_step, len(job.seeds)
    a_step = _SECONDS_PER_STEP + job.batch_size * seeds * image_size**2 / _PIXELS_PER_SECOND
    training = steps * a_step if rate is None else _MARGIN * steps / rate
    samples = len(job.evaluation_steps) * seeds * job.fid.samples
    return training + samples / _SAMPLES_SCORED_PER_SECOND


def minutes(seconds: float, attempt: int) -> int:
    """Minutes to ask for: with time to start, more at every attempt (1, 2, ...), at most a day."""
    return min(math.ceil((_START_SECONDS + seconds) * attempt / 60), LONGEST_MINUTES)


def megabytes(device: str, numbers: int, attempt: int) -> int:
    """Memory of the machine to ask for, more at every attempt (1, 2, ...).

    device: cpu or cuda. numbers: of a whole batch, seeds x b x channels x height x width.
    """
    batch = numbers * _BYTES_PER_NUMBER[device] / 2**20
    return math.ceil((_BASE_MEGABYTES[device] + batch) * attempt)
