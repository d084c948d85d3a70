"""Losses against values computed by hand."""

import math

import pytest
import torch
from torch.nn import functional as F
from ttur import objectives

REAL = torch.tensor([[0.0, 2.0], [1.0, -2.0]])
FAKE = torch.tensor([[0.0, 0.5], [-1.0, 3.0]])


def softplus(x):
    return math.log1p(math.exp(x))


def test_bce_by_hand():
    expected = [
        (softplus(0) + softplus(-1)) / 2 + (softplus(0) + softplus(-1)) / 2,
        (softplus(-2) + softplus(2)) / 2 + (softplus(0.5) + softplus(3)) / 2,
    ]
    assert objectives.bce_discriminator(REAL, FAKE).tolist() == pytest.approx(expected)
    expected = [(softplus(0) + softplus(1)) / 2, (softplus(-0.5) + softplus(-3)) / 2]
    assert objectives.bce_generator(FAKE).tolist() == pytest.approx(expected)


def test_bce_is_the_binary_cross_entropy_of_the_sigmoid():
    reference = F.binary_cross_entropy(torch.sigmoid(REAL), torch.ones(2, 2))
    reference += F.binary_cross_entropy(torch.sigmoid(FAKE), torch.zeros(2, 2))
    assert objectives.bce_discriminator(REAL, FAKE).mean().item() == pytest.approx(reference.item())


def test_wasserstein_by_hand():
    assert objectives.wasserstein_discriminator(REAL, FAKE).tolist() == [-1.0, 1.75]
    assert objectives.wasserstein_generator(FAKE).tolist() == [0.5, -1.75]


def test_hinge_by_hand():
    assert objectives.hinge_discriminator(REAL, FAKE).tolist() == [0.5 + 0.5, 1.5 + 2.75]


@pytest.mark.parametrize(
    ("loss", "kinds"),
    [
        (objectives.bce_discriminator, 2),
        (objectives.bce_generator, 1),
        (objectives.wasserstein_discriminator, 2),
        (objectives.wasserstein_generator, 1),
        (objectives.hinge_discriminator, 2),
    ],
)
def test_losses_are_means_over_the_batch_for_every_replica_alone(loss, kinds):
    """Five images and two replicas, which a mean over the other axis would tell apart."""
    scores = [torch.linspace(-2, 3, 10).view(5, 2), torch.linspace(1, -4, 10).view(5, 2).square()]
    scores = scores[:kinds]
    together = loss(*scores)
    assert together.shape == (2,)
    for replica in range(2):
        alone = [
            loss(*(part[image : image + 1, replica : replica + 1] for part in scores))
            for image in range(5)
        ]
        torch.testing.assert_close(together[replica], torch.cat(alone).mean())


def test_penalty_of_a_linear_critic_is_known():
    weight = torch.tensor([3.0, 4.0]).view(1, 2, 1, 1)  # two replicas, slopes 3 and 4 per pixel

    def critic(images):
        return (images * weight).sum((2, 3))

    real, fake = torch.randn(5, 2, 4, 4), torch.randn(5, 2, 4, 4)
    penalty = objectives.gradient_penalty(critic, real, fake, torch.rand(5, 2))
    # gradient norm of a 4 x 4 image: slope * sqrt(16)
    assert penalty.tolist() == pytest.approx([(12 - 1) ** 2, (16 - 1) ** 2])


def test_penalty_is_taken_on_the_line_between_real_and_generated():
    seen = []

    def critic(images):
        seen.append(images.detach().clone())
        return images.sum((1, 2, 3))[:, None]

    real, fake = torch.full((2, 1, 2, 2), 10.0), torch.zeros(2, 1, 2, 2)
    objectives.gradient_penalty(critic, real, fake, torch.tensor([[0.25], [1.0]]))
    assert seen[0][:, 0, 0, 0].tolist() == [2.5, 10.0]


def test_penalty_gradient_agrees_with_finite_differences():
    torch.manual_seed(0)
    real, fake, mix = torch.randn(3, 1, 2, 2), torch.randn(3, 1, 2, 2), torch.rand(3, 1)
    slope = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)

    def penalty(value):
        def critic(images):
            return torch.tanh(value * images).sum((2, 3))

        arguments = (real.double(), fake.double(), mix.double())
        return objectives.gradient_penalty(critic, *arguments).sum()

    penalty(slope).backward()
    step = 1e-6
    difference = (penalty(slope.detach() + step) - penalty(slope.detach() - step)) / (2 * step)
    assert slope.grad.item() == pytest.approx(difference.item(), rel=1e-5)


def test_the_penalty_weight_is_the_configured_one():
    assert objectives.build({"kind": "wasserstein_gp", "penalty_weight": 100}).penalty_weight == 100
    assert objectives.build({"kind": "bce"}).penalty_weight == 0


@pytest.mark.parametrize(
    ("kind", "discriminator", "generator"),
    [
        ("bce", lambda r, f: F.softplus(-r) + F.softplus(f), lambda f: F.softplus(-f)),
        ("hinge", lambda r, f: F.relu(1 - r) + F.relu(1 + f), lambda f: -f),
        ("wasserstein_gp", lambda r, f: f - r, lambda f: -f),
    ],
)
def test_each_kind_has_the_losses_of_its_paper(kind, discriminator, generator):
    objective = objectives.build({"kind": kind, "penalty_weight": 7.0})
    expected = discriminator(REAL, FAKE).mean(0)
    torch.testing.assert_close(objective.discriminator(REAL, FAKE), expected)
    torch.testing.assert_close(objective.generator(FAKE), generator(FAKE).mean(0))
    assert objective.penalty_weight == (7.0 if kind == "wasserstein_gp" else 0.0)


def test_penalty_of_two_channels_and_replicas_is_that_of_each_alone():
    """Gradients of unit length cost nothing, shorter and longer ones their squared difference."""
    torch.manual_seed(1)
    real, fake, mix = torch.randn(4, 6, 3, 3), torch.randn(4, 6, 3, 3), torch.rand(4, 2)

    def critic(images):
        maps = torch.sin(images.view(len(images), -1, 3, 3, 3))
        return maps.square().sum((2, 3, 4))

    together = objectives.gradient_penalty(critic, real, fake, mix)
    for replica in range(2):
        own = slice(3 * replica, 3 * replica + 3)
        alone = objectives.gradient_penalty(
            critic, real[:, own], fake[:, own], mix[:, replica : replica + 1]
        )
        torch.testing.assert_close(together[replica], alone[0])
        weight = mix[:, replica][:, None, None, None]
        points = (weight * real[:, own] + (1 - weight) * fake[:, own]).requires_grad_(True)
        (slope,) = torch.autograd.grad(critic(points).sum(), points)
        torch.testing.assert_close(alone[0], (slope.flatten(1).norm(dim=1) - 1).square().mean())


def test_the_penalty_does_not_depend_on_how_images_are_stored():
    random = torch.Generator().manual_seed(3)
    real, fake = (torch.randn(4, 6, 5, 5, generator=random) for _ in range(2))
    mix = torch.rand(4, 2, generator=random)

    def scores(images):
        return images.unflatten(1, (2, 3)).square().sum((2, 3, 4))

    expected = objectives.gradient_penalty(scores, real, fake, mix)
    stored = (each.to(memory_format=torch.channels_last) for each in (real, fake))
    torch.testing.assert_close(objectives.gradient_penalty(scores, *stored, mix), expected)
