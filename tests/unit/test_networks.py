"""Architectures, parameter counts, and replicas that do not know of each other."""

import pytest
import torch
from critical_batch.data.shape import ImageShape
from critical_batch.networks.build import build, parameter_count, shapes
from critical_batch.networks.replicated import (
    BatchNorm2d,
    Conv2d,
    keep_replicas,
    load_replica,
    one_replica,
    replica_state,
)
from critical_batch.networks.spectral import Linear, SpectralWeight
from critical_batch.runtime.streams import generator as random_stream

DCGAN = {
    "kind": "dcgan",
    "latent": 16,
    "generator_width": 4,
    "discriminator_width": 4,
    "generator_bn_momentum": 0.1,
    "discriminator_norm": "batch",
}
BIGGAN = {
    "kind": "biggan",
    "latent": 12,
    "generator_width": 4,
    "discriminator_width": 4,
    "embedding": 8,
    "attention": 8,
}


def pair(settings, seeds, image_size=16, channels=1, classes=10):
    return build(settings, ImageShape(image_size, channels, classes), seeds)


def test_dcgan_of_the_paper_has_the_published_parameter_counts():
    paper = DCGAN | {"latent": 100, "generator_width": 64, "discriminator_width": 64}
    generator, discriminator = pair(paper, [0], image_size=64, channels=3)
    assert parameter_count(generator) == 3_576_704
    assert parameter_count(discriminator) == 2_765_568


def test_biggan_of_the_paper_has_the_published_parameter_counts():
    paper = {"kind": "biggan", "latent": 120, "generator_width": 96, "discriminator_width": 96}
    paper |= {"embedding": 128, "attention": 64}
    generator, discriminator = shapes(paper, ImageShape(128, 3, 1000), replicas=1)
    assert parameter_count(generator) == 70_433_988
    assert parameter_count(discriminator) == 87_982_370
    blocks = [parameter_count(block) for block in generator.blocks]
    assert blocks == [45_740_544, 17_789_184, 4_618_368, 1_240_128, 352_800]
    assert parameter_count(generator.linear) == 516_096
    assert [parameter_count(a) for a in generator.attention.values()] == [46_081]
    blocks = [parameter_count(block) for block in discriminator.blocks]
    assert blocks == [86_112, 516_672, 2_065_536, 8_259_840, 33_034_752, 42_470_400]
    assert [parameter_count(a) for a in discriminator.attention.values()] == [11_521]


@pytest.mark.parametrize("settings", [DCGAN, BIGGAN], ids=["dcgan", "biggan"])
@pytest.mark.parametrize("image_size", [8, 16, 32])
def test_shapes_for_several_replicas_and_sizes(settings, image_size):
    latent = 3 * 5 * 4  # divisible by the number of slots at each size
    generator, discriminator = pair(settings | {"latent": latent}, [0, 1, 2], image_size, 3)
    labels = torch.randint(10, (2, 3))
    images = generator(torch.randn(2, 3 * latent), labels)
    assert images.shape == (2, 9, image_size, image_size)
    assert images.abs().max() <= 1
    assert discriminator(images, labels).shape == (2, 3)


@pytest.mark.parametrize("settings", [DCGAN, BIGGAN], ids=["dcgan", "biggan"])
def test_a_replica_computes_what_it_computes_alone(settings):
    torch.manual_seed(0)
    latents, labels = torch.randn(4, 3, settings["latent"]), torch.randint(10, (4, 3))
    generator, discriminator = pair(settings, [5, 6, 7])
    images = generator(latents.flatten(1), labels)
    scores = discriminator(images, labels)
    for replica, seed in enumerate([5, 6, 7]):
        alone_g, alone_d = pair(settings, [seed])
        alone = alone_g(latents[:, replica], labels[:, replica : replica + 1])
        torch.testing.assert_close(images[:, replica : replica + 1], alone, rtol=1e-4, atol=1e-5)
        score = alone_d(alone, labels[:, replica : replica + 1])
        torch.testing.assert_close(scores[:, replica : replica + 1], score, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("settings", [DCGAN, BIGGAN], ids=["dcgan", "biggan"])
def test_cutting_replicas_keeps_the_others_and_their_optimizer_state(settings):
    generator, _ = pair(settings, [0, 1, 2])
    optimizer = torch.optim.Adam(generator.parameters(), lr=0.01)
    latents, labels = torch.randn(4, 3, settings["latent"]), torch.randint(10, (4, 3))
    generator(latents.flatten(1), labels).square().sum().backward()
    optimizer.step()
    before = [replica_state(generator, r) for r in range(3)]
    moments = {p: optimizer.state[p]["exp_avg"].clone() for p in generator.parameters()}
    keep_replicas(generator, [optimizer], [0, 2])
    for position, replica in enumerate([0, 2]):
        after = replica_state(generator, position)
        assert all(torch.equal(after[name], before[replica][name]) for name in before[replica])
    for parameter, moment in moments.items():
        assert torch.equal(optimizer.state[parameter]["exp_avg"], moment[[0, 2]])
    assert all(parameter.grad is None for parameter in generator.parameters())
    assert generator(latents[:, :2].flatten(1), labels[:, :2]).shape[1] == 2


def test_batch_norm_has_the_momentum_of_pytorch():
    assert BatchNorm2d(1, 2).momentum == torch.nn.BatchNorm2d(2).momentum == 0.1


def test_biases_of_convolutions_stand_replica_by_replica():
    layer = Conv2d(3, 2, 5, 1, bias=True)
    assert layer.bias.shape == (3, 5)
    with torch.no_grad():
        layer.weight.zero_()  # what was not drawn may be anything, NaN too
        layer.bias.copy_(torch.arange(15.0).view(3, 5))
    flat = layer(torch.zeros(1, 6, 1, 1)).flatten()
    keep_replicas(layer, [], [2, 0])
    left = layer(torch.zeros(1, 4, 1, 1)).flatten()
    assert (flat.tolist(), left.tolist()) == ([*range(15)], [*range(10, 15), *range(5)])


def test_either_player_starts_from_its_own_stream_of_its_seed():
    first = [pair(DCGAN, [3, 8])[player].layers[0].weight for player in (0, 1)]
    for player, weight in enumerate(first):
        for replica, seed in enumerate([3, 8]):
            stream = random_stream(seed, "init", player)
            drawn = torch.empty(weight[replica].shape).normal_(0, 0.02, generator=stream)
            assert torch.equal(weight[replica], drawn)


def test_shapes_are_those_of_the_networks_without_their_data():
    shaped = shapes(BIGGAN, ImageShape(16, 3, 10), 2)
    for with_data, without in zip(pair(BIGGAN, [0, 1], 16, 3, 10), shaped, strict=True):
        for (name, one), (same, other) in zip(
            with_data.named_parameters(), without.named_parameters(), strict=True
        ):
            assert (name, one.shape, other.device.type) == (same, other.shape, "meta")


@pytest.mark.parametrize("settings", [DCGAN, BIGGAN], ids=["dcgan", "biggan"])
def test_one_replica_is_a_network_of_its_own_that_shares_the_weights(settings):
    generator, _ = pair(settings, [0, 1])
    latents, labels = torch.randn(4, 2, settings["latent"]), torch.randint(10, (4, 2))
    together = generator.eval()(latents.flatten(1), labels)
    for replica in range(2):
        alone = one_replica(generator, replica)
        images = alone(latents[:, replica], labels[:, replica : replica + 1])
        assert not images.requires_grad
        torch.testing.assert_close(images, together[:, replica : replica + 1], rtol=1e-4, atol=1e-5)
    with torch.no_grad():
        next(generator.parameters())[1].mul_(2)
    changed = alone(latents[:, 1], labels[:, 1:])
    assert not torch.allclose(changed, images, rtol=1e-2)


def test_a_replica_survives_export_and_import():
    source, _ = pair(DCGAN, [0, 1])
    target, _ = pair(DCGAN, [8])
    load_replica(target, 0, replica_state(source, 1))
    latents = torch.randn(3, 2, 16)
    alone = target.eval()(latents[:, 1])
    torch.testing.assert_close(source.eval()(latents.flatten(1))[:, 1:], alone)


def test_dcgan_initialisation_statistics():
    generator, _ = pair(DCGAN | {"generator_width": 32, "latent": 64}, [3])
    convolution = generator.layers[0].weight
    norm = next(m for m in generator.modules() if isinstance(m, BatchNorm2d))
    assert convolution.std().item() == pytest.approx(0.02, rel=0.02)
    assert convolution.mean().abs().item() < 1e-3
    assert norm.weight.mean().item() == pytest.approx(1.0, abs=0.02)
    assert norm.weight.std().item() == pytest.approx(0.02, rel=0.4)
    assert norm.bias.abs().max().item() == 0.0


def test_a_critic_without_norm_scores_samples_independently():
    _, critic = pair(DCGAN | {"discriminator_norm": "none"}, [0])
    images = torch.randn(4, 1, 16, 16)
    torch.testing.assert_close(critic(images)[:2], critic(images[:2]))


def test_spectral_norm_converges_to_the_largest_singular_value():
    torch.manual_seed(0)
    layer = Linear(2, 12, 7)
    for replica in range(2):
        layer.initialise(replica, random_stream(replica, "init"))
        layer.weight.data[replica].normal_()
    for _ in range(100):
        layer.normalised()
    singular = torch.linalg.matrix_norm(layer.normalised(), ord=2)
    torch.testing.assert_close(singular, torch.ones(2), rtol=1e-4, atol=1e-4)


def test_spectral_norm_keeps_its_iterate_in_evaluation_mode():
    layer = Linear(1, 5, 4)
    layer.initialise(0, random_stream(0, "init"))
    layer.eval()
    before = layer.left.clone()
    layer(torch.randn(2, 1, 5))
    assert torch.equal(layer.left, before)
    layer.train()
    layer.weight.data.normal_()
    layer(torch.randn(2, 1, 5))
    assert not torch.equal(layer.left, before)


def test_biggan_initialisation_is_orthogonal_with_unit_norms():
    generator, discriminator = pair(BIGGAN | {"generator_width": 8, "attention": None}, [3])
    for network in (generator, discriminator):
        for module in network.modules():
            if isinstance(module, SpectralWeight):
                matrix = module.weight.data[0].flatten(1)
                short = matrix if len(matrix) <= matrix.shape[1] else matrix.T
                product = short @ short.T
                torch.testing.assert_close(product, torch.eye(len(product)), atol=1e-5, rtol=0)
    assert generator.norm.weight.eq(1).all()
    assert generator.norm.bias.eq(0).all()
    shared = generator.shared.weight.data[0]
    torch.testing.assert_close(shared.T @ shared, torch.eye(8), atol=1e-5, rtol=0)
