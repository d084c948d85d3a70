"""What a training step consumes: pure functions of seed, stream and counter."""

import numpy as np
import pytest
import torch
from conftest import SETTINGS, job_of
from critical_batch.data.labels import SampleLabels
from critical_batch.data.shape import ImageShape
from critical_batch.runtime.streams import generator
from critical_batch.training.data import TrainingData
from critical_batch.training.images import ImageStore
from critical_batch.training.inputs import EmptyInputs, TrainingInputs

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
    return inputs(ImageStore(packed, CPU, room), seeds, batch_size, sample_labels=sample_labels)


def inputs(store, seeds, batch_size, latent=6, sample_labels=FOUR, **changes):
    labels = torch.arange(len(store)) % 4
    networks = {"kind": "none", "latent": latent}
    job = job_of(SETTINGS | {"networks": networks, "batch_size": batch_size} | changes)
    return TrainingInputs(TrainingData(store, labels, sample_labels), job, seeds)


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


@pytest.mark.parametrize(("batch_size", "steps"), [(5, 128), (37, 110), (32, 128), (33, 124)])
def test_every_stream_is_drawn_in_blocks_of_steps(packed, batch_size, steps):
    """Which numbers a step gets: of 4,096 a block at most, and of 128 steps, for every seed."""
    source, seeds = draws(packed, seeds=(8, 2), batch_size=batch_size), (8, 2)
    for counter in (0, 1, steps - 1, steps, 2 * steps + 1, 0):
        block, place = counter // steps, counter % steps

        def drawn(draw, name, block=block, place=place):
            parts = [draw(generator(seed, name, block))[place] for seed in seeds]
            return torch.cat(parts, dim=1)

        def of(draw, width):
            return lambda random: draw(steps, batch_size, width, generator=random)

        latents, labels = source.latents(counter)
        assert torch.equal(latents, drawn(of(torch.randn, 6), "latent"))
        assert torch.equal(source.mix(counter), drawn(of(torch.rand, 1), "penalty"))
        shape = (steps, batch_size, 1)
        whole = drawn(lambda random, s=shape: torch.randint(4, s, generator=random), "label")
        assert torch.equal(labels, whole)


def test_a_batch_above_half_of_a_block_is_drawn_step_by_step():
    """Blocks of one step where the batch has more than 2,048 images."""
    images = np.zeros((5000, 1, 1, 1), dtype=np.uint8)
    for size, steps in ((241, 16), (2048, 2), (2049, 1), (5000, 1)):
        source = inputs(ImageStore(images, CPU), (3,), size, latent=1)
        expected = torch.randn(steps, size, 1, generator=generator(3, "latent", 0))
        assert torch.equal(source.latents(0)[0], expected[0])
        other = torch.randn(steps, size, 1, generator=generator(3, "latent", 1))
        assert torch.equal(source.latents(steps)[0], other[0])


def test_images_come_in_the_order_of_their_seed_s_permutation(packed):
    """Epoch by epoch; batches in steps of the batch size; values as 2 x / 255 - 1."""
    source, seeds = draws(packed, seeds=(8, 2)), (8, 2)
    for counter in (0, 1, 6, 7, 15, 0):
        epoch, place = counter // 7, counter % 7
        orders = [torch.randperm(37, generator=generator(seed, "order", epoch)) for seed in seeds]
        images, labels = source.real(counter)
        for replica, order in enumerate(orders):
            indices = order[5 * place : 5 * place + 5]
            pixels = torch.from_numpy(np.array(packed))[indices].permute(0, 3, 1, 2)
            found = images[:, 3 * replica : 3 * replica + 3]
            torch.testing.assert_close(found, pixels.float() * 2 / 255 - 1, rtol=0, atol=1e-6)
            assert torch.equal(labels[:, replica], indices % 4)


def test_the_next_batch_is_announced_but_at_the_end_of_an_epoch(packed):
    announced = []

    class Told(ImageStore):
        def take(self, indices, following=None):
            announced.append((indices.tolist(), None if following is None else following.tolist()))
            return super().take(indices)

    for room, told in ((0, True), (10**9, False)):
        announced.clear()
        source = inputs(Told(packed, CPU, room), (1, 4), 9, latent=2)
        for counter in range(8):
            source.real(counter)
        batches = [indices for indices, _ in announced]
        assert len({str(sorted(batch)) for batch in batches}) == 8
        for counter, (_, following) in enumerate(announced):
            last = counter % 4 == 3
            expected = None if last or not told or counter == 7 else batches[counter + 1]
            assert following == expected


def test_a_batch_above_the_data_is_refused_and_all_of_them_is_a_batch(packed):
    assert len(draws(packed, batch_size=37).real(3)[0]) == 37
    with pytest.raises(ValueError, match="38 needs more than 37"):
        draws(packed, batch_size=38)


def test_a_stream_is_seeded_once_a_block_and_the_order_once_an_epoch(packed, monkeypatch):
    """Seeding at every step would cost more than a small step."""
    seeded = []

    def counted(seed, name, counter):
        seeded.append((seed, name, counter))
        return generator(seed, name, counter)

    monkeypatch.setattr("critical_batch.training.inputs.generator", counted)
    source = draws(packed, seeds=(3, 9))
    for counter in range(130):
        source.latents(counter)
        source.mix(counter)
        source.real(counter)
    blocks = [
        (s, name, k) for s in (3, 9) for name in ("latent", "label", "penalty") for k in (0, 1)
    ]
    epochs = [(s, "order", epoch) for s in (3, 9) for epoch in range(19)]
    assert sorted(seeded) == sorted(blocks + epochs)


def test_inputs_without_data_have_the_shapes_and_types_of_those_with():
    changes = {"discriminator_steps": 2, "latent_reuse": False}
    changes["objective"] = {"kind": "wasserstein_gp", "penalty_weight": 10.0}
    images = np.zeros((9, 4, 4, 3), dtype=np.uint8)
    real = inputs(ImageStore(images, CPU), (0, 1), 5, **changes).at(3)
    job = job_of(SETTINGS | {"networks": {"kind": "none", "latent": 6}, "batch_size": 5} | changes)
    empty = EmptyInputs(job, ImageShape(4, 3, 4), 2).at(3)
    assert (real.number, empty.number) == (3, 3)
    assert len(real.discriminator) == len(empty.discriminator) == 2

    def tensors(step):
        updates = [[*each.real, *each.fake, each.mix] for each in step.discriminator]
        return [tensor for update in [*updates, step.generator] for tensor in update]

    for mine, other in zip(tensors(empty), tensors(real), strict=True):
        assert (mine.shape, mine.dtype) == (other.shape, other.dtype)
        assert mine.device == torch.device("meta")
