"""The registry builds what it says."""

import os
import subprocess
import sys
from copy import deepcopy
from dataclasses import asdict
from math import sqrt
from pathlib import Path

import pandas as pd
import pytest
import torch
from adabelief_pytorch import AdaBelief
from conftest import SETTINGS
from critical_batch.analysis.aggregate import (
    critical_table,
    networks_table,
    speed_table,
    steps_table,
)
from critical_batch.analysis.recommendation import costs, other_optimizers, recommendation_table
from critical_batch.configuration import schema
from critical_batch.optimizers import OPTIMIZERS
from critical_batch.reporting.recommendation_text import recommendation_text
from critical_batch.training.step import update
from page_files import modules_of_page
from test_recommendation import NONE, RECORDS, SWEEP, estimates, runs_of
from test_step import flat, start

PAGE = Path("docs/optimizers.md").read_text()
BELIEF = OPTIMIZERS["AdaBelief"]
BOUNDED = {name: entry for name, entry in OPTIMIZERS.items() if entry.scale}


def defaults(name):
    """The hyper-parameters as a job carries them."""
    return asdict(OPTIMIZERS[name].settings())


def build(name, **hyper):
    parameter = torch.nn.Parameter(torch.ones(3))
    entry = OPTIMIZERS[name]
    return entry.build([parameter], 0.125, entry.settings(**hyper))


def test_adam_gets_its_hyper_parameters():
    group = build("Adam", beta1=0.25, eps=1e-6).param_groups[0]
    assert (group["lr"], group["betas"], group["eps"]) == (0.125, (0.25, 0.999), 1e-6)


def test_rmsprop_gets_its_hyper_parameters():
    group = build("RMSProp", alpha=0.75).param_groups[0]
    assert (group["lr"], group["alpha"], group["eps"]) == (0.125, 0.75, 1e-8)


@pytest.mark.parametrize(("device", "fused"), [("cpu", True), ("meta", False)])
def test_adam_is_one_kernel_but_where_there_are_only_shapes(device, fused):
    """The kernel rounds in its own way, so numbers depend on which one it is."""
    parameter = torch.nn.Parameter(torch.ones(3, device=device))
    for name in ("Adam", "AMSGrad"):
        optimizer = OPTIMIZERS[name].build([parameter], 0.1, OPTIMIZERS[name].settings())
        assert optimizer.param_groups[0]["fused"] is fused
        parameter.grad = torch.ones(3, device=device)
        optimizer.step()


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
    optimizer = OPTIMIZERS[name].build([parameter], 0.05, OPTIMIZERS[name].settings())
    for _ in range(300):
        optimizer.zero_grad()
        parameter.square().sum().backward()
        optimizer.step()
    assert parameter.abs().max().item() < 0.2


def test_amsgrad_never_lets_its_denominator_fall():
    """Reddi et al. 2018, algorithm 2: after a large gradient, small ones move it little."""
    moved = {}
    for name in ("Adam", "AMSGrad"):
        parameter = torch.nn.Parameter(torch.zeros(1))
        entry = OPTIMIZERS[name]
        optimizer = entry.build([parameter], 0.1, entry.settings(beta2=0.5))
        for gradient in (10.0, *[0.1] * 20):
            parameter.grad = torch.tensor([gradient])
            before = parameter.item()
            optimizer.step()
        moved[name] = before - parameter.item()
    assert moved["Adam"] == pytest.approx(0.1, rel=0.05)
    assert 0 < moved["AMSGrad"] < 0.01
    assert OPTIMIZERS["AMSGrad"].scale is None


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_replica_trains_alike_alone_and_in_a_group_that_shrinks(name):
    """Updates are elementwise, and the state is cut with the weights."""
    settings = SETTINGS | {"optimizer": name, "hyper": defaults(name)}
    group, draws = start(settings, seeds=(0, 1, 2))
    alone, own = start(settings, seeds=(2,))
    for step in range(4):
        update(group, draws.at(step))
    group.keep([2])
    for step in range(8):
        update(alone, own.at(step))
    for step in range(4, 8):
        update(group, own.at(step))
    torch.testing.assert_close(flat(group.generator), flat(alone.generator), rtol=1e-3, atol=1e-4)


@pytest.fixture
def lion(tmp_path):
    """The optimizer of docs/optimizers.md, with the files that the page shows."""
    schema.cache_clear()
    with modules_of_page(PAGE, tmp_path):
        yield "Lion"
    del OPTIMIZERS["Lion"]
    schema.cache_clear()


def test_the_example_of_the_documentation_trains(lion):
    test_optimizers_minimise_a_quadratic(lion)
    test_a_replica_trains_alike_alone_and_in_a_group_that_shrinks(lion)
    settings = SETTINGS | {"optimizer": lion, "hyper": defaults(lion)}
    pair, draws = start(settings, seeds=(0, 1))
    before = flat(pair.generator).clone()
    for step in range(20):
        update(pair, draws.at(step))
    moved = (flat(pair.generator) - before).abs()
    assert moved.max() <= 20 * SETTINGS["generator_rate"] * 1.001  # a step moves by the rate
    assert moved.mean() > SETTINGS["generator_rate"]


def test_the_example_is_a_name_in_the_configuration_and_unavailable_in_the_estimates(lion):
    (experiment,) = schema()["properties"]["experiments"]["patternProperties"].values()
    assert lion in experiment["properties"]["optimizers"]["properties"]
    runs = runs_of(SWEEP)
    steps, networks = steps_table(runs), networks_table(runs)
    others = other_optimizers(estimates(8.0), networks, RECORDS)
    row = others[others["optimizer"] == lion].iloc[0]
    assert pd.isna(row["estimated"])
    cost = costs(steps, speed_table(runs))
    table = recommendation_table(cost, critical_table(steps), NONE, RECORDS)
    text = recommendation_text(table, cost, NONE, others, networks, RECORDS)
    assert "| Lion | unavailable: the theory gives no bound | |" in text


def test_scales_of_proposition_3_4():
    scales = {name: entry.scale(entry.settings()) for name, entry in BOUNDED.items()}
    expected = {"Adam": sqrt(1000), "AdaBelief": 2 * sqrt(1000), "RMSProp": 1}
    assert scales == pytest.approx(expected)
    for name in ("Adam", "AdaBelief"):
        entry = OPTIMIZERS[name]
        assert entry.scale(entry.settings(beta2=0.99)) == pytest.approx(expected[name] / sqrt(10))


@pytest.mark.parametrize("eps", [1e-16, 1e-3])
def test_adabelief_equals_the_package_bit_for_bit(eps):
    """Through the steps before rectification sets in, a cut of replicas, and a reload."""
    shapes = [(3, 4, 2), (3, 5), (3, 1)]

    def start(build):
        random = torch.Generator().manual_seed(1)
        parameters = [torch.nn.Parameter(torch.randn(s, generator=random)) for s in shapes]
        return parameters, build(parameters)

    entry = OPTIMIZERS["AdaBelief"]
    mine, ours = start(lambda p: entry.build(p, 0.01, entry.settings(eps=eps)))
    theirs, package = start(
        lambda p: AdaBelief(
            p,
            lr=0.01,
            betas=(0.5, 0.999),
            eps=eps,
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


def belief(parameters, build):
    """Two groups, the second with a rate and decays of its own."""
    groups = [
        {"params": parameters[:2]},
        {"params": parameters[2:], "lr": 0.003, "betas": (0.9, 0.99), "eps": 1e-6},
    ]
    return build(groups)


def test_adabelief_takes_parameters_without_gradient_and_groups_as_the_package_does():
    """One has none at all, one at times, one from the third step on."""
    packages = dict(betas=(0.5, 0.999), eps=1e-16, weight_decouple=True, rectify=True)
    builds = (
        lambda p: BELIEF.build(p, 0.01, BELIEF.settings()),
        lambda p: AdaBelief(p, lr=0.01, print_change_log=False, **packages),
    )
    sides = [[torch.nn.Parameter(torch.arange(4.0) + k) for k in range(5)] for _ in builds]
    optimizers = [belief(side, build) for side, build in zip(sides, builds, strict=True)]
    random = torch.Generator().manual_seed(3)
    for step in range(20):
        gradients = [torch.randn(4, generator=random) for _ in range(5)]
        has = [True, step >= 2, True, step % 3 > 0, False]
        for side, optimizer in zip(sides, optimizers, strict=True):
            for parameter, gradient, one in zip(side, gradients, has, strict=True):
                parameter.grad = gradient.clone() if one else None
            optimizer.step()
        for mine, theirs in zip(*sides, strict=True):
            assert torch.equal(mine, theirs), step
    start = [torch.arange(4.0) + k for k in range(5)]
    moved = [not torch.equal(mine, old) for mine, old in zip(sides[0], start, strict=True)]
    assert moved == [True, True, True, True, False]


def test_adabelief_leaves_the_closure_alone_and_reads_the_gradients_it_has():
    parameter = torch.nn.Parameter(torch.ones(3))
    optimizer = BELIEF.build([parameter], 0.25, BELIEF.settings())
    parameter.grad = torch.tensor([1.0, -2.0, 0.0])
    assert optimizer.step(lambda: 1 / 0) is None
    # The first steps are plain momentum: rate times the bias-corrected mean, the gradient itself.
    assert parameter.tolist() == pytest.approx([0.75, 1.5, 1.0])
    assert parameter.requires_grad


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_hyper_parameter_of_an_entry_reaches_its_optimizer(name):
    """Changed by a half, each changes the steps; unchanged, none does."""
    entry = OPTIMIZERS[name]
    random = torch.Generator().manual_seed(4)
    # Falling gradients: AMSGrad's largest variance is then not the present one.
    gradients = [torch.randn(6, generator=random) / (1 + step) for step in range(12)]

    def end(**hyper):
        parameter = torch.nn.Parameter(torch.zeros(6, dtype=torch.float64))
        optimizer = entry.build([parameter], 0.01, entry.settings(**hyper))
        for gradient in gradients:
            parameter.grad = gradient.double()
            optimizer.step()
        return parameter.detach()

    assert torch.equal(end(), end())
    for key, default in defaults(name).items():
        changed = 0.5 * default if key != "eps" else 0.1
        assert not torch.allclose(end(**{key: changed}), end(), rtol=1e-3), key


def test_adam_is_that_of_kingma_and_ba_and_amsgrad_keeps_the_largest_variance():
    """Algorithm 1; the maximum of Reddi et al. is of what is not yet corrected for its bias."""
    beta1, beta2, eps, rate = 0.6, 0.9, 1e-4, 0.02
    random = torch.Generator().manual_seed(5)
    gradients = [torch.randn(6, dtype=torch.float64, generator=random) for _ in range(8)]
    gradients = [gradient / 3**step for step, gradient in enumerate(gradients)]
    for name in ("Adam", "AMSGrad"):
        parameter = torch.nn.Parameter(torch.zeros(6, dtype=torch.float64))
        entry = OPTIMIZERS[name]
        settings = entry.settings(beta1=beta1, beta2=beta2, eps=eps)
        optimizer = entry.build([parameter], rate, settings)
        expected, mean, variance, largest = (torch.zeros(6, dtype=torch.float64) for _ in range(4))
        for step, gradient in enumerate(gradients, start=1):
            parameter.grad = gradient.clone()
            optimizer.step()
            mean = beta1 * mean + (1 - beta1) * gradient
            variance = beta2 * variance + (1 - beta2) * gradient**2
            largest = torch.maximum(largest, variance)
            second = (largest if name == "AMSGrad" else variance) / (1 - beta2**step)
            expected = expected - rate * mean / (1 - beta1**step) / (second.sqrt() + eps)
        torch.testing.assert_close(parameter.detach(), expected)


def test_no_optimizer_imports_the_compiler():
    """It would take as long as importing torch, in every training job."""
    code = """
import sys, torch
from critical_batch.optimizers import OPTIMIZERS
for entry in OPTIMIZERS.values():
    parameter = torch.nn.Parameter(torch.ones(2))
    optimizer = entry.build([parameter], 0.1, entry.settings())
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
