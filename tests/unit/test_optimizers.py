"""The registry builds what it says."""

from math import sqrt

import pytest
import torch
from adabelief_pytorch import AdaBelief
from ttur.optimizers import OPTIMIZERS


def build(name, **hyper):
    parameter = torch.nn.Parameter(torch.ones(3))
    entry = OPTIMIZERS[name]
    return entry.build([parameter], 0.125, dict(entry.defaults) | hyper)


def test_adam_gets_its_hyper_parameters():
    group = build("Adam", beta1=0.25, eps=1e-6).param_groups[0]
    assert (group["lr"], group["betas"], group["eps"]) == (0.125, (0.25, 0.999), 1e-6)


def test_rmsprop_gets_its_hyper_parameters():
    group = build("RMSProp", alpha=0.75).param_groups[0]
    assert (group["lr"], group["alpha"], group["eps"]) == (0.125, 0.75, 1e-8)


def test_adabelief_is_the_package_rectified_without_decay(capsys):
    optimizer = build("AdaBelief")
    group = optimizer.param_groups[0]
    assert isinstance(optimizer, AdaBelief)
    assert (group["lr"], group["betas"], group["eps"]) == (0.125, (0.5, 0.999), 1e-16)
    assert group["weight_decay"] == 0
    assert optimizer.rectify
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_minimise_a_quadratic(name):
    parameter = torch.nn.Parameter(torch.full((3,), 2.0))
    optimizer = OPTIMIZERS[name].build([parameter], 0.05, OPTIMIZERS[name].defaults)
    for _ in range(300):
        optimizer.zero_grad()
        parameter.square().sum().backward()
        optimizer.step()
    assert parameter.abs().max().item() < 0.2


def test_scales_of_proposition_3_4():
    hyper = {"beta2": 0.999, "alpha": 0.99}
    assert OPTIMIZERS["Adam"].scale(hyper) == pytest.approx(sqrt(1000))
    assert OPTIMIZERS["AdaBelief"].scale(hyper) == pytest.approx(2 * sqrt(1000))
    assert OPTIMIZERS["RMSProp"].scale(hyper) == 1
