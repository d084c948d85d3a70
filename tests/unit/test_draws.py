"""What a training step consumes: pure functions of seed, stream and counter."""

import numpy as np
import pytest
import torch
from ttur.training.draws import Draws
from ttur.training.images import ImageStore
from ttur.training.labels import SampleLabels

CPU = torch.device("cpu")
FOUR = SampleLabels.uniform(4)


@pytest.fixture
def packed(tmp_path):
    """37 images in a file, read by memory map: pixel (0, 0) is the index."""
    images = np.random.default_rng(0).integers(0, 256, (37, 4, 4, 3), dtype=np.uint8)
    images[:, 0, 0, 0] = np.arange(37)
    np.save(tmp_path / "images.npy", images)
    return np.load(tmp_path / "images.npy", mmap_mode="r")


def draws(packed, seeds=(0, 1), batch_size=5, room=None, sample_labels=FOUR):
    labels = torch.arange(37) % 4
    return Draws(ImageStore(packed, CPU, room), labels, sample_labels, seeds, batch_size, latent=6)


def test_images_from_the_file_are_those_from_memory(packed):
    memory, file = draws(packed), draws(packed, room=0)
    for counter in [*range(20), 3, 4, 11]:
        for mine, other in zip(memory.real(counter), file.real(counter), strict=True):
            assert torch.equal(mine, other)


def test_pixels_are_mapped_to_minus_one_to_one(packed):
    images, _ = draws(packed).real(0)
    assert images.dtype == torch.float32
    levels = (images + 1) * 127.5
    torch.testing.assert_close(levels, levels.round(), atol=1e-3, rtol=0)
    assert images.min() >= -1
    assert images.max() <= 1


def test_an_epoch_shows_every_image_once_but_for_the_short_batch(packed):
    source = draws(packed, seeds=(4,))
    for epoch in range(2):
        batches = [source.real(7 * epoch + k)[0] for k in range(7)]
        seen = torch.cat(batches)[:, 0, 0, 0].add(1).mul(127.5).round().int().tolist()
        assert len(set(seen)) == len(seen) == 35


def test_labels_go_with_their_images(packed):
    images, labels = draws(packed).real(9)
    index = images.view(5, 2, 3, 4, 4)[:, :, 0, 0, 0].add(1).mul(127.5).round().long()
    assert torch.equal(labels, index % 4)


def test_a_seed_draws_the_same_in_any_group_and_at_any_time(packed):
    group, alone = draws(packed, seeds=(7, 3, 9)), draws(packed, seeds=(3,))
    for counter in (130, 2, 0):
        assert torch.equal(group.real(counter)[0][:, 3:6], alone.real(counter)[0])
        assert torch.equal(group.latents(counter)[0][:, 6:12], alone.latents(counter)[0])
        assert torch.equal(group.mix(counter)[:, 1:2], alone.mix(counter))


def test_streams_have_their_distributions(packed):
    source = draws(packed, batch_size=37)
    latents = torch.cat([source.latents(k)[0] for k in range(200)])
    labels = torch.cat([source.latents(k)[1] for k in range(200)])
    mix = torch.cat([source.mix(k) for k in range(200)])
    assert latents.mean().abs() < 0.02
    assert latents.std().item() == pytest.approx(1, abs=0.02)
    assert set(labels.unique().tolist()) == {0, 1, 2, 3}
    assert 0 <= mix.min() < 0.01
    assert 0.99 < mix.max() < 1
