"""Inception's input against the packages that define each convention, and closed forms.

Largest differences found over these sides, on a scale where black is -1 and white 1: clean-fid
1.2e-7; F.interpolate (pytorch-fid) and torch-fidelity 9.4e-5 at side 300 and 1.3e-5 at the sides of
the paper's data, all of it from their coordinates in float32, which here are in float64.
"""

import numpy as np
import pytest
import torch
from cleanfid.resize import build_resizer
from critical_batch.metrics.features.resize import RESIZES, SIZE, network_input, resize_matrix
from PIL import Image
from torch.nn.functional import interpolate
from torch_fidelity.interpolate_compat_tensorflow import interpolate_bilinear_2d_like_tensorflow1x

SIDES = [8, 32, 64, 128, 299, 300, 512]


def noise(side: int, channels: int = 3) -> torch.Tensor:
    random = torch.Generator().manual_seed(side)
    return torch.randint(0, 256, (2, channels, side, side), dtype=torch.uint8, generator=random)


def as_pytorch_fid(images):
    """What pytorch-fid's network does first, with images in [0, 1]."""
    unit = interpolate(images / 255, size=(SIZE, SIZE), mode="bilinear", align_corners=False)
    return 2 * unit - 1


def as_clean_fid(images):
    resize = build_resizer("clean")
    resized = [resize(image.permute(1, 2, 0).numpy()) for image in images]
    return (torch.tensor(np.stack(resized)).permute(0, 3, 1, 2) - 128) / 128


def as_torch_fidelity(images):
    resized = interpolate_bilinear_2d_like_tensorflow1x(
        images.float(), size=(SIZE, SIZE), align_corners=False
    )
    return (resized - 128) / 128


PACKAGES = {
    "pytorch_fid": (as_pytorch_fid, 1e-4),
    "clean": (as_clean_fid, 2e-7),
    "tensorflow": (as_torch_fidelity, 1e-4),
}


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("resize", RESIZES)
def test_agrees_with_the_package_that_defines_it(resize, side):
    package, tolerance = PACKAGES[resize]
    images = noise(side)
    found = network_input(images, resize)
    assert found.shape == (2, 3, SIZE, SIZE)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, package(images), rtol=0, atol=tolerance)


@pytest.mark.parametrize("side", [32, 128, 300])
def test_conventions_are_told_apart(side):
    """A wrong convention misses the tolerance above by a factor of ten or more."""
    images = noise(side)
    found = {resize: network_input(images, resize) for resize in RESIZES}
    for other, (package, tolerance) in PACKAGES.items():
        expected = package(images)
        for resize in RESIZES:
            if resize != other:
                assert (found[resize] - expected).abs().max() > 10 * tolerance


@pytest.mark.parametrize("side", SIDES)
def test_bicubic_matrix_is_pillows(side):
    """Pillow resizes an identity matrix; with a = -3/4 for -1/2 it would not fit."""
    identity = Image.fromarray(np.eye(side, dtype=np.float32))
    expected = np.asarray(identity.resize((side, SIZE), Image.Resampling.BICUBIC))
    np.testing.assert_allclose(resize_matrix("clean", side), expected, atol=1e-7)
    if 8 <= side < SIZE:
        wrong = interpolate(torch.eye(side)[None, None], size=(SIZE, side), mode="bicubic")[0, 0]
        assert np.abs(wrong.numpy() - expected).max() > 0.05


@pytest.mark.parametrize("resize", RESIZES)
@pytest.mark.parametrize("side", [1, 7, *SIDES])
def test_rows_sum_to_one(resize, side):
    matrix = resize_matrix(resize, side)
    assert matrix.shape == (SIZE, side)
    torch.testing.assert_close(matrix.sum(1), torch.ones(SIZE, dtype=torch.float64))
    if side == SIZE:
        torch.testing.assert_close(matrix, torch.eye(SIZE, dtype=torch.float64))


def test_a_ramp_shows_where_each_convention_samples():
    """Pixel i holds i: away from the edges every convention returns its own coordinate."""
    side, inner = 32, slice(30, 260)
    ramp = torch.arange(side, dtype=torch.float64)
    outputs = torch.arange(SIZE, dtype=torch.float64)
    centres = (outputs + 0.5) * side / SIZE - 0.5
    for resize, expected in (
        ("pytorch_fid", centres),
        ("clean", centres),
        ("tensorflow", outputs * side / SIZE),
    ):
        found = resize_matrix(resize, side) @ ramp
        torch.testing.assert_close(found[inner], expected[inner])


def test_scales_and_clipping():
    black, white = torch.zeros(1, 3, 16, 16), torch.full((1, 3, 16, 16), 255)
    for resize, top in (("pytorch_fid", 1.0), ("clean", 127 / 128), ("tensorflow", 127 / 128)):
        assert network_input(black.byte(), resize).unique().tolist() == [-1.0]
        found = network_input(white.byte(), resize)
        torch.testing.assert_close(found, torch.full_like(found, top))
    step = torch.zeros(1, 1, 16, 16, dtype=torch.uint8)
    step[..., 8:] = 255
    unclipped = resize_matrix("clean", 16) @ step[0, 0].double() @ resize_matrix("clean", 16).T
    assert unclipped.max() > 260
    assert network_input(step, "clean").max() <= 127 / 128
    assert network_input(step, "clean").min() >= -1


def test_rows_and_columns_are_resized_each_by_its_own_matrix():
    images = noise(64)[:, :, :32]
    expected = as_pytorch_fid(images)
    torch.testing.assert_close(network_input(images, "pytorch_fid"), expected, rtol=0, atol=1e-4)


def test_an_unknown_convention_is_refused():
    with pytest.raises(ValueError, match="not one of pytorch_fid, clean, tensorflow"):
        resize_matrix("nearest", 32)
