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
