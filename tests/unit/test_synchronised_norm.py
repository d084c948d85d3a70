"""Normalisation over the batch of all processes: of one process, that is torch's BatchNorm."""

import pytest
import torch
import torch.distributed as dist
from critical_batch.networks.replicated import BatchNorm2d, RunningNorm
from torch.nn import functional as F


@pytest.fixture
def alone():
    """A group of one process, without a network."""
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.mark.parametrize("affine", [True, False])
def test_values_gradients_and_running_statistics_are_torchs(alone, affine):
    random = torch.Generator().manual_seed(1)
    x = 3 * torch.randn(5, 6, 4, 4, generator=random) + torch.arange(6.0)[:, None, None]
    x, same = (x.clone().double().requires_grad_(True) for _ in range(2))
    weight = 1 + torch.arange(6.0).double() if affine else None
    bias = -torch.arange(6.0).double() if affine else None
    norm = RunningNorm(2, 3, momentum=0.3, eps=0.01).double()
    norm.synchronised = True
    mean, variance = torch.zeros(6).double(), torch.ones(6).double()
    for _ in range(2):
        y = norm.normalise(x, weight, bias)
        expected = F.batch_norm(same, mean, variance, weight, bias, True, 0.3, 0.01)
        torch.testing.assert_close(y, expected)
    torch.testing.assert_close(norm.running_mean.flatten(), mean)
    torch.testing.assert_close(norm.running_var.flatten(), variance)
    slope = torch.randn(y.shape, generator=random).double()
    y.backward(slope)
    expected.backward(slope)
    torch.testing.assert_close(x.grad, same.grad)
    # Else every step would hold on to all the steps before it.
    assert not any(value.requires_grad for value in norm.buffers())


def test_evaluation_uses_the_running_statistics_and_leaves_them(alone):
    norm = BatchNorm2d(1, 3)
    norm.synchronised = True
    norm(torch.randn(4, 3, 2, 2) + 5)
    before = {name: value.clone() for name, value in norm.state_dict().items()}
    norm.eval()
    x = torch.randn(4, 3, 2, 2)
    scale = (norm.running_var.view(3, 1, 1) + 1e-5).rsqrt()
    torch.testing.assert_close(norm(x), (x - norm.running_mean.view(3, 1, 1)) * scale)
    assert all(torch.equal(value, before[name]) for name, value in norm.state_dict().items())


def test_a_batch_of_one_value_a_channel_has_no_variance_to_correct(alone):
    norm = RunningNorm(1, 2)
    norm.synchronised = True
    assert norm.normalise(torch.tensor([3.0, 4.0]).view(1, 2, 1, 1)).flatten().tolist() == [0, 0]
    assert norm.running_mean.flatten().tolist() == pytest.approx([0.3, 0.4])
    assert norm.running_var.flatten().tolist() == pytest.approx([0.9, 0.9])
