"""BigGAN against a forward pass written from the paper's appendix B in torch's plain functions."""

from itertools import pairwise

import pytest
import torch
from critical_batch.data.shape import ImageShape
from critical_batch.networks import biggan
from critical_batch.networks.build import build, shapes
from torch.nn import functional as F

SETTINGS = {
    "kind": "biggan",
    "latent": 12,
    "generator_width": 4,
    "discriminator_width": 4,
    "embedding": 5,
    "attention": 8,
}
# The authors' layouts: channels over the width, from the map of 4 x 4 up and from the image down.
GENERATOR = {
    32: [4, 4, 4, 4],
    64: [16, 16, 8, 4, 2],
    128: [16, 16, 8, 4, 2, 1],
    256: [16, 16, 8, 8, 4, 2, 1],
}
DISCRIMINATOR = {
    32: [4, 4, 4, 4],
    64: [1, 2, 4, 8, 16],
    128: [1, 2, 4, 8, 16, 16],
    256: [1, 2, 4, 8, 8, 16, 16],
}


class Plain:
    """The tensors of one replica; spectrally normalised ones divided by their estimated norm."""

    def __init__(self, network):
        self.values = {name: value[0] for name, value in network.state_dict().items()}

    def __call__(self, name):
        weight = self.values[f"{name}.weight"]
        if f"{name}.left" not in self.values:
            return weight
        matrix = weight.flatten(1)
        right = F.normalize(matrix.T @ self.values[f"{name}.left"], dim=0)
        return weight / (matrix @ right).norm()

    def bias(self, name):
        return self.values.get(f"{name}.bias")

    def convolve(self, name, x):
        weight = self(name)
        return F.conv2d(x, weight, self.bias(name), padding=weight.shape[2] // 2)

    def normalise(self, name, x):
        mean, variance = self.values[f"{name}.running_mean"], self.values[f"{name}.running_var"]
        return F.batch_norm(x, mean, variance, eps=1e-5)

    def conditioned(self, name, x, condition):
        gain, shift = (condition @ self(f"{name}.{part}").T for part in ("gain", "bias"))
        return self.normalise(name, x) * (1 + gain)[:, :, None, None] + shift[:, :, None, None]

    def attend(self, name, x):
        flat = {part: self.convolve(f"{name}.{part}", x) for part in ("query", "key", "value")}
        flat["key"], flat["value"] = (F.max_pool2d(flat[part], 2) for part in ("key", "value"))
        query, key, value = (maps.flatten(2) for maps in flat.values())
        weights = torch.einsum("bcq,bck->bqk", query, key).softmax(dim=2)
        attended = torch.einsum("bqk,bck->bcq", weights, value)
        attended = attended.unflatten(2, x.shape[2:])
        return x + self.values[f"{name}.gain"] * self.convolve(f"{name}.output", attended)


def generated(network, latents, labels):
    plain = Plain(network)
    blocks = len(network.blocks)
    first, *pieces = latents.chunk(blocks + 1, dim=1)
    h = first @ plain("linear").T + plain.bias("linear")
    h = h.view(len(latents), -1, 4, 4)
    for index, piece in enumerate(pieces):
        name = f"blocks.{index}"
        condition = torch.cat([plain.values["shared.weight"][labels], piece], dim=1)
        x = F.interpolate(F.relu(plain.conditioned(f"{name}.norm1", h, condition)), scale_factor=2)
        x = plain.conditioned(f"{name}.norm2", plain.convolve(f"{name}.conv1", x), condition)
        x = plain.convolve(f"{name}.conv2", F.relu(x))
        h = x + plain.convolve(f"{name}.shortcut", F.interpolate(h, scale_factor=2))
        if f"attention.{index}.gain" in plain.values:
            h = plain.attend(f"attention.{index}", h)
    h = (
        plain.normalise("norm", h) * plain("norm")[:, None, None]
        + plain.bias("norm")[:, None, None]
    )
    return torch.tanh(plain.convolve("output", F.relu(h)))


def scored(network, images, labels, halvings):
    plain, h = Plain(network), images
    for index in range(len(network.blocks)):
        name = f"blocks.{index}"
        x = plain.convolve(f"{name}.conv1", F.relu(h) if index else h)
        x = plain.convolve(f"{name}.conv2", F.relu(x))
        if f"{name}.shortcut.weight" in plain.values:
            h = plain.convolve(f"{name}.shortcut", h)
        h = h + x
        if index < halvings:
            h = F.avg_pool2d(h, 2)
        if f"attention.{index}.gain" in plain.values:
            h = plain.attend(f"attention.{index}", h)
    h = F.relu(h).sum((2, 3))
    projected = (plain("embedding")[labels] * h).sum(1)
    return h @ plain("linear")[0] + plain.bias("linear")[0] + projected


def disturbed(network):
    """In evaluation mode, with every tensor away from what it starts at."""
    random = torch.Generator().manual_seed(9)
    network.double().eval()
    for name, value in network.state_dict().items():
        noise = torch.rand(value.shape, dtype=torch.float64, generator=random)
        value.copy_(value + (0.5 + noise if "running_var" in name else noise - 0.5))
    return network


@pytest.mark.parametrize("image_size", [8, 16, 32])
def test_up_to_32_pixels_all_maps_have_four_widths(image_size):
    generator, discriminator = shapes(SETTINGS, ImageShape(image_size, 1, 2), replicas=1)
    widths = [block.conv2.weight.shape[1] for block in (*generator.blocks, *discriminator.blocks)]
    assert set(widths) == {4 * 4}
    assert generator.linear.weight.shape[1] == 16 * 4 * 4


@pytest.mark.parametrize(("image_size", "halvings"), [(8, 1), (16, 1), (32, 2)])
def test_both_players_are_those_of_the_paper(image_size, halvings):
    generator, discriminator = build(SETTINGS, ImageShape(image_size, 3, 7), [4])
    generator, discriminator = disturbed(generator), disturbed(discriminator)
    assert len(generator.attention) == 1
    random = torch.Generator().manual_seed(10)
    latents = torch.randn(3, 12, dtype=torch.float64, generator=random)
    labels = torch.tensor([0, 6, 3])
    images = generator(latents, labels[:, None])
    torch.testing.assert_close(images, generated(generator, latents, labels))
    found = discriminator(images, labels[:, None])[:, 0]
    torch.testing.assert_close(found, scored(discriminator, images, labels, halvings))
    assert discriminator.joint_batch


def test_attention_stands_at_the_side_that_is_asked_for():
    """Maps have that side after the block, in either player; nowhere where no map has it."""
    for attention, of_generator, of_discriminator in (
        (8, ["0"], ["1"]),
        (16, ["1"], ["0"]),
        (4, [], []),
        (None, [], []),
    ):
        generator, discriminator = build(
            SETTINGS | {"attention": attention}, ImageShape(32, 1, 3), [0]
        )
        assert list(generator.attention) == of_generator
        assert list(discriminator.attention) == of_discriminator


@pytest.mark.parametrize("image_size", GENERATOR)
def test_channels_are_those_of_the_authors(image_size):
    latent = 3 * len(GENERATOR[image_size])
    settings = SETTINGS | {"latent": latent, "generator_width": 8, "discriminator_width": 8}
    generator, discriminator = shapes(settings, ImageShape(image_size, 3, 2), replicas=1)
    with torch.device("meta"):
        images = generator(torch.zeros(1, latent), torch.zeros(1, 1, dtype=torch.long))
    channels = [8 * factor for factor in GENERATOR[image_size]]
    assert generator.linear.weight.shape == (1, 16 * channels[0], 3)
    assert [block.conv1.weight.shape[1:3] for block in generator.blocks] == [
        (after, before) for before, after in pairwise(channels)
    ]
    assert images.shape == (1, 3, image_size, image_size)
    assert biggan.latent_slots(image_size) == len(channels)
    channels = [3, *(8 * factor for factor in DISCRIMINATOR[image_size])]
    assert [block.conv1.weight.shape[1:3] for block in discriminator.blocks] == [
        (after, before) for before, after in pairwise(channels)
    ]
    assert not discriminator.blocks[-1].halve
    sides = image_size >> sum(block.halve for block in discriminator.blocks)
    assert sides == (8 if image_size == 32 else 4)


def test_gains_and_biases_start_where_they_change_nothing():
    generator, discriminator = build(SETTINGS, ImageShape(16, 1, 3), [0])
    assert generator.norm.weight.eq(1).all()
    assert all(attention.gain.eq(0).all() for attention in generator.attention.values())
    for network in (generator, discriminator):
        biases = [v for name, v in network.named_parameters() if name.endswith(("conv1.bias",))]
        assert len(biases) > 1
        assert all(bias.eq(0).all() for bias in biases)
