"""Whether a job fits its data: the message names the key, the numbers and what to do."""

import pytest
from conftest import SETTINGS, job_of
from critical_batch.runtime.errors import UserError
from critical_batch.training.fit import check_fit

BIGGAN = {"networks": {"kind": "biggan"}}


def manifest(images=4, skipped=(), classes=2):
    return {"name": "mine", "images": images, "skipped": list(skipped), "classes": classes}


def refused(key="batch_sizes", settings=SETTINGS, **changes):
    with pytest.raises(UserError) as error:
        check_fit(job_of(settings), manifest(**changes), key)
    return str(error.value)


def test_a_batch_of_all_images_fits_and_one_image_more_does_not():
    for images in (4, 5):
        assert check_fit(job_of(SETTINGS), manifest(images), "batch_sizes") is None
    assert refused(images=3) == (
        "experiments.tiny.batch_sizes: 4 is above the 3 images of mine: use at most 3"
    )


def test_images_that_could_not_be_read_are_counted():
    assert refused("noise_probe.batch_size", images=2, skipped=["a.png", "b.png"]) == (
        "experiments.tiny.noise_probe.batch_size: 4 is above the 2 images that could be read of "
        "mine (2 could not): use at most 2, or repair the others"
    )


def test_classes_are_needed_by_networks_that_take_them_and_by_no_others():
    assert check_fit(job_of(SETTINGS), manifest(classes=0), "batch_sizes") is None
    assert check_fit(job_of(SETTINGS | BIGGAN), manifest(classes=1), "batch_sizes") is None
    assert refused(settings=SETTINGS | BIGGAN, classes=0) == (
        "experiments.tiny.networks.kind: biggan needs labels, which mine has not: set "
        "datasets.mine.labels to folders, or use other networks"
    )
