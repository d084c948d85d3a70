"""Pixel maps against torchvision's save_image."""

import numpy as np
import pytest
import torch
from critical_batch.metrics.pixels import PIXEL_MAPS, map_real, to_uint8, write_grid
from critical_batch.reporting.figures.sheets import tiles
from PIL import Image
from torchvision.utils import save_image


def saved(image: torch.Tensor, path, **options) -> torch.Tensor:
    """What torchvision writes for one image [C, H, W], as uint8 [C, H, W]."""
    save_image(image.clone(), path, **options)
    pixels = torch.from_numpy(np.array(Image.open(path))).permute(2, 0, 1)
    return pixels[: len(image)]


@pytest.fixture
def images():
    random = torch.Generator().manual_seed(0)
    images = torch.rand(6, 3, 9, 7, generator=random) * 2 - 1
    images[1] *= 0.1
    images[2] = images[2] * 0.4 + 0.5
    images[3] = 0.25
    images[4] *= 1.5
    return images


@pytest.mark.parametrize("channels", [1, 3])
def test_stretch_is_save_image_normalize_one_image_at_a_time(images, channels, tmp_path):
    images = images[:, :channels]
    stretched = to_uint8(images, "stretch")
    for image, pixels in zip(images, stretched, strict=True):
        assert torch.equal(pixels, saved(image, tmp_path / "x.png", normalize=True))


def test_fixed_is_save_image_with_a_value_range(images, tmp_path):
    for image, pixels in zip(images, to_uint8(images, "fixed"), strict=True):
        expected = saved(image, tmp_path / "x.png", normalize=True, value_range=(-1, 1))
        assert torch.equal(pixels, expected)


def test_fixed_rounds_to_the_nearest_level():
    levels = torch.arange(256).view(1, 1, 16, 16)
    for shift in (-0.49, 0.0, 0.49):
        assert torch.equal(to_uint8((levels + shift) / 127.5 - 1, "fixed"), levels.to(torch.uint8))
    beyond = torch.tensor([-7.0, 7.0]).view(1, 1, 1, 2)
    assert to_uint8(beyond, "fixed").flatten().tolist() == [0, 255]


def test_stretch_uses_all_levels_of_each_image(images):
    stretched = to_uint8(images, "stretch").flatten(1)
    flat = 3
    for index in range(len(images)):
        assert stretched[index].min() == 0
        assert stretched[index].max() == (0 if index == flat else 255)


@pytest.mark.parametrize("spread", [5e-6, 9e-6, 1.2e-5, 3e-5])
def test_hardly_any_contrast_is_stretched_as_save_image_does(tmp_path, spread):
    image = torch.linspace(0, spread, 20).view(1, 4, 5)
    (pixels,) = to_uint8(image[None], "stretch")
    assert torch.equal(pixels, saved(image, tmp_path / "x.png", normalize=True))


def test_real_images_pass_the_same_map(tmp_path):
    random = torch.Generator().manual_seed(1)
    real = torch.randint(40, 200, (20, 1, 8, 8), dtype=torch.uint8, generator=random)
    assert torch.equal(map_real(real, "fixed"), real)
    assert torch.equal(to_uint8(real.float() / 127.5 - 1, "fixed"), real)
    for image, pixels in zip(real, map_real(real, "stretch"), strict=True):
        as_trained = (image.float() / 255 - 0.5) / 0.5
        assert torch.equal(pixels, saved(as_trained, tmp_path / "x.png", normalize=True))


def test_ties_of_real_images_round_as_save_image_does(tmp_path):
    """102 levels become 256: every other one lies half way between two."""
    image = torch.arange(40, 143, dtype=torch.uint8)[:100].view(1, 10, 10)
    for top in (142, 91):
        image[0, 9, 9] = top
        (pixels,) = map_real(image[None].clamp(max=top), "stretch")
        as_trained = (image.clamp(max=top).float() / 255 - 0.5) / 0.5
        assert torch.equal(pixels, saved(as_trained, tmp_path / "x.png", normalize=True))


@pytest.mark.parametrize("pixel_map", PIXEL_MAPS)
def test_images_are_mapped_one_by_one_and_left_unchanged(images, pixel_map):
    before = images.clone()
    together = to_uint8(images, pixel_map)
    alone = torch.cat([to_uint8(image[None], pixel_map) for image in images])
    assert torch.equal(together, alone)
    assert torch.equal(images, before)


def test_unknown_map(images):
    with pytest.raises(ValueError, match="min-max"):
        to_uint8(images, "min-max")


@pytest.mark.parametrize("channels", [1, 3])
def test_grid_places_images_row_by_row(tmp_path, channels):
    images = torch.arange(5 * channels * 12).view(5, channels, 3, 4).to(torch.uint8)
    write_grid(tmp_path / "grid.png", images, columns=3)
    grid = np.array(Image.open(tmp_path / "grid.png")).reshape(2 * 3, 3 * 4, channels)
    np.testing.assert_array_equal(grid[3:6, 4:8], images[4].permute(1, 2, 0))
    assert (grid[3:6, 8:] == 255).all()


def test_the_sheet_of_a_training_job_is_cut_into_its_images(tmp_path):
    images = torch.arange(32 * 5 * 4).view(32, 1, 5, 4).to(torch.uint8)
    write_grid(tmp_path / "samples.png", images, columns=8)
    cut = tiles(np.array(Image.open(tmp_path / "samples.png")))
    np.testing.assert_array_equal(cut, images.permute(0, 2, 3, 1))
