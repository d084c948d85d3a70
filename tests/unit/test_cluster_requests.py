"""What jobs ask a cluster for."""

import pytest
from critical_batch.training.cluster_requests import (
    LONGEST_MINUTES,
    megabytes,
    minutes,
    training_seconds,
)
from critical_batch.training.grid import Limits, LinearGrid
from critical_batch.training.job import Fid, Stop, TrainingJob

EVALUATING = 10 * 1.0  # ten evaluations at 500 samples a second


def job(batch_size=8, seeds=1, samples=None):
    """A thousand steps at most, an evaluation of 500 samples every 100."""
    return TrainingJob(
        experiment="own",
        networks={"kind": "dcgan"},
        objective={"kind": "bce"},
        optimizer="Adam",
        generator_rate=0.1,
        discriminator_rate=0.1,
        hyper={},
        batch_size=batch_size,
        seeds=tuple(range(seeds)),
        limits=Limits(1000, samples),
        fid=Fid("classifier", 500, "fixed", LinearGrid(100)),
        stop=Stop("fid", at_most=1.0),
    )


def test_a_training_is_its_steps_its_images_and_its_evaluations():
    seconds = training_seconds(job(batch_size=8, seeds=1), image_size=50)
    assert seconds == pytest.approx(1000 * (0.05 + 8 * 50**2 / 4e6) + EVALUATING)


def test_it_grows_with_batch_size_seeds_and_image_size():
    base = training_seconds(job(8, 1), 64)
    larger = [(job(16, 1), 64), (job(8, 2), 64), (job(8, 1), 128)]
    assert all(training_seconds(*each) > base for each in larger)


def test_a_limit_of_samples_bounds_large_batches():
    limited, unlimited = job(16, samples=8000), job(16)
    assert training_seconds(limited, 64) < training_seconds(unlimited, 64)


def test_a_measured_rate_takes_the_place_of_the_guess():
    assert training_seconds(job(), 64, rate=10.0) == pytest.approx(150.0 + EVALUATING)


def test_minutes_leave_time_to_start_grow_by_attempt_and_end_at_a_day():
    assert [minutes(1200, attempt) for attempt in (1, 2, 3)] == [30, 60, 90]
    assert minutes(0, 1) == 10
    assert minutes(1e9, 1) == minutes(1e5, 2) == LONGEST_MINUTES == 24 * 60


def test_memory_grows_with_the_batch_where_it_lies_in_memory_and_by_attempt():
    numbers = 1024 * 3 * 64 * 64
    assert megabytes("cpu", 2 * numbers, 1) > 1.9 * megabytes("cpu", numbers, 1)
    assert megabytes("cuda", 2 * numbers, 1) < 1.1 * megabytes("cuda", numbers, 1)
    assert megabytes("cuda", numbers, 3) == pytest.approx(3 * megabytes("cuda", numbers, 1), abs=3)


def test_memory_is_a_base_and_so_many_bytes_a_number():
    """A mebibyte of numbers; halves of a megabyte are rounded up."""
    assert [megabytes("cpu", 1 << 20, attempt) for attempt in (1, 2)] == [3100, 6200]
    assert [megabytes("cuda", 1 << 20, attempt) for attempt in (1, 3)] == [8016, 24_048]
    assert megabytes("cpu", 1, 1) == 1501


def test_every_seed_is_trained_and_evaluated():
    one, three = (training_seconds(job(seeds=seeds), 50) for seeds in (1, 3))
    assert three - one == pytest.approx(2 * (1000 * 8 * 50**2 / 4e6 + EVALUATING))
    rated = [training_seconds(job(seeds=seeds), 50, rate=5.0) for seeds in (1, 3)]
    assert rated == pytest.approx([300 + EVALUATING, 300 + 3 * EVALUATING])


def test_a_minute_that_has_begun_is_asked_for():
    assert [minutes(seconds, 1) for seconds in (0.1, 60, 60.1)] == [11, 11, 12]
    assert minutes(30, 2) == 21
