"""Convolutions of replicas, in whatever form they are computed, against one of torch's each."""

from itertools import product

import pytest
import torch
from critical_batch.networks.convolution import conv2d, conv_transpose2d
from critical_batch.networks.spectral import Conv2d, Embedding, Linear, lookup
from torch.nn import functional as F

REPLICAS = 3
# in, out, kernel, stride, padding, side: points, single taps, single channels, and none of these.
SHAPES = [
    (2, 5, 4, 1, 0, 4),
    (2, 5, 1, 1, 0, 6),
    (2, 5, 1, 2, 0, 6),
    (2, 5, 1, 1, 1, 6),
    (1, 5, 4, 2, 1, 8),
    (1, 5, 3, 1, 1, 7),
    (1, 5, 3, 2, 0, 8),
    (4, 1, 3, 1, 1, 6),
    (4, 1, 5, 1, 2, 6),
    (4, 1, 3, 1, 0, 6),
    (4, 1, 3, 1, 2, 6),
    (4, 1, 4, 2, 1, 6),
    (4, 1, 3, 2, 1, 6),
    (3, 4, 3, 1, 1, 5),
    (3, 4, 4, 2, 1, 8),
    (2, 3, 3, 1, 1, 3),
]


def normal(*shape, seed=0):
    random = torch.Generator().manual_seed(seed)
    return torch.randn(shape, dtype=torch.float64, generator=random)


@pytest.mark.parametrize(("shape", "bias"), list(product(SHAPES, [True, False])), ids=str)
@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
def test_replicas_convolve_as_one_layer_each(shape, bias, order):
    inputs, outputs, kernel, stride, padding, side = shape
    width = side if side == kernel else side + 1
    x = normal(2, REPLICAS * inputs, side, width).contiguous(memory_format=order)
    weight = normal(REPLICAS, outputs, inputs, kernel, kernel, seed=1)
    shifts = normal(REPLICAS, outputs, seed=2) if bias else None
    expected = [
        F.conv2d(one, weight[r], None if shifts is None else shifts[r], stride, padding)
        for r, one in enumerate(x.split(inputs, dim=1))
    ]
    found = conv2d(x, weight, shifts, stride, padding)
    torch.testing.assert_close(found, torch.cat(expected, dim=1), check_stride=False)


@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(
    "shape",
    [
        (3, 2, 4, 1, 0, 1),
        (3, 2, 4, 2, 1, 1),
        (3, 1, 4, 2, 1, 4),
        (3, 1, 3, 1, 1, 5),
        (3, 1, 3, 1, 0, 5),
        (3, 2, 4, 2, 1, 4),
    ],
    ids=str,
)
def test_replicas_convolve_transposed_as_one_layer_each(shape, order):
    inputs, outputs, kernel, stride, padding, side = shape
    x = normal(2, REPLICAS * inputs, side, side + 1 if side > 1 else 1)
    x = x.contiguous(memory_format=order)
    weight = normal(REPLICAS, inputs, outputs, kernel, kernel, seed=1)
    expected = [
        F.conv_transpose2d(one, weight[r], None, stride, padding)
        for r, one in enumerate(x.split(inputs, dim=1))
    ]
    found = conv_transpose2d(x, weight, stride, padding)
    torch.testing.assert_close(found, torch.cat(expected, dim=1), check_stride=False)


def test_the_spectral_estimate_is_one_power_iteration_and_its_gradient_holds_the_iterates():
    """v = W'u / |W'u|, u = Wv / |Wv|, norm u'Wv with u and v as constants (Miyato et al. 2018)."""
    layer = Linear(2, 4, 3).double()
    for replica in range(2):
        layer.initialise(replica, torch.Generator().manual_seed(replica))
    layer.weight.data = normal(2, 3, 4, seed=5)
    u = layer.left.clone()
    found = layer.normalised()
    slope = normal(2, 3, 4, seed=6)
    found.backward(slope)
    for replica in range(2):
        w = layer.weight.detach()[replica].clone().requires_grad_(True)
        v = F.normalize(w.detach().T @ u[replica], dim=0)
        left = F.normalize(w.detach() @ v, dim=0)
        norm = (left.T @ w @ v).squeeze()
        torch.testing.assert_close(found[replica], w / norm)
        torch.testing.assert_close(layer.left[replica], left)
        (w / norm).backward(slope[replica])
        torch.testing.assert_close(layer.weight.grad[replica], w.grad)
    assert not layer.left.requires_grad


def test_a_weight_of_zeros_stays_zero():
    layer = Linear(1, 4, 3)
    layer.weight.data.zero_()
    layer.left.fill_(1.0)
    assert layer.normalised().eq(0).all()


def test_norms_below_a_millionth_count_as_one():
    """As in BigGAN's code: a weight of 1e-9 is divided by 1e-6."""
    layer = Linear(1, 1, 1)
    layer.weight.data.fill_(1e-9)
    layer.left.fill_(1.0)
    assert layer.normalised().item() == pytest.approx(1e-3)


def test_spectral_layers_are_the_plain_ones_with_the_divided_weight():
    convolution, linear = Conv2d(2, 3, 4, 3).double(), Linear(2, 3, 4).double()
    table = Embedding(2, 5, 4).double()
    for layer in (convolution, linear, table):
        for replica in range(2):
            layer.initialise(replica, torch.Generator().manual_seed(replica))
        if layer is not table:
            layer.bias.data = normal(2, 4, seed=3)
        layer.weight.data = normal(*layer.weight.shape, seed=4)
        layer.eval()  # the same estimate at every call
    maps, vectors = normal(2, 6, 5, 5), normal(3, 2, 3)
    labels = torch.tensor([[0, 4], [1, 1], [4, 2]])
    for r in range(2):
        weight = convolution.normalised()[r]
        expected = F.conv2d(maps[:, 3 * r : 3 * r + 3], weight, convolution.bias[r], padding=1)
        torch.testing.assert_close(convolution(maps)[:, 4 * r : 4 * r + 4], expected)
        expected = vectors[:, r] @ linear.normalised()[r].T + linear.bias[r]
        torch.testing.assert_close(linear(vectors)[:, r], expected)
        torch.testing.assert_close(table(labels)[:, r], table.normalised()[r][labels[:, r]])
    plain = Linear(2, 3, 4, bias=False).double()
    plain.load_state_dict({k: v for k, v in linear.state_dict().items() if k != "bias"})
    torch.testing.assert_close(plain.eval()(vectors), linear(vectors) - linear.bias)
    assert Conv2d(1, 2, 3, 1).padding == 0
    rows = torch.arange(12.0).view(2, 3, 2)
    assert lookup(rows, torch.tensor([[2, 0]])).tolist() == [[[4, 5], [6, 7]]]
