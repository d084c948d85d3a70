"""The registry builds what it says."""

import os
import subprocess
import sys
from copy import deepcopy
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


def test_adabelief_equals_the_package_bit_for_bit():
    """Through the steps before rectification sets in, a cut of replicas, and a reload."""
    shapes = [(3, 4, 2), (3, 5), (3, 1)]

    def start(build):
        random = torch.Generator().manual_seed(1)
        parameters = [torch.nn.Parameter(torch.randn(s, generator=random)) for s in shapes]
        return parameters, build(parameters)

    defaults = OPTIMIZERS["AdaBelief"].defaults
    mine, ours = start(lambda p: OPTIMIZERS["AdaBelief"].build(p, 0.01, defaults))
    theirs, package = start(
        lambda p: AdaBelief(
            p,
            lr=0.01,
            betas=(0.5, 0.999),
            eps=1e-16,
            weight_decouple=True,
            rectify=True,
            print_change_log=False,
        )
    )
    random = torch.Generator().manual_seed(2)
    for step in range(60):
        for own, other in zip(mine, theirs, strict=True):
            own.grad = torch.randn(own.shape, generator=random)
            other.grad = own.grad.clone()
        if step == 30:
            ours.load_state_dict(deepcopy(package.state_dict()))
        ours.step()
        package.step()
        for own, other in zip(mine, theirs, strict=True):
            assert torch.equal(own, other)
    assert (mine[0] - start(lambda p: None)[0][0]).abs().max() > 0.01


def test_no_optimizer_imports_the_compiler():
    """It would take as long as importing torch, in every training job."""
    code = """
import sys, torch
from ttur.optimizers import OPTIMIZERS
for entry in OPTIMIZERS.values():
    parameter = torch.nn.Parameter(torch.ones(2))
    optimizer = entry.build([parameter], 0.1, entry.defaults)
    parameter.sum().backward()
    optimizer.step()
    optimizer.load_state_dict(optimizer.state_dict())
    optimizer.zero_grad()
    assert (parameter < 1).all()
print("torch._dynamo" in sys.modules)
"""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert result.stdout == "False\n", result.stderr
