"""What a configuration stands for: defaults, runs, and the jobs that are made from it."""

import copy
import json

import pytest
from config_examples import REMOVED, W, X, changed, minimal, networks, rates
from critical_batch.configuration import load
from critical_batch.optimizers import OPTIMIZERS
from critical_batch.runs.layout import Run
from critical_batch.training.grid import Limits
from critical_batch.training.job import Stop, TrainingJob


def test_defaults_are_filled_in_and_the_input_is_left_alone():
    given = minimal()
    config = load(given)
    assert given == minimal()
    experiment = config.experiments["dcgan-fashion"]
    assert experiment.discriminator_steps == 1
    assert experiment.latent_reuse is True
    assert experiment.seeds_per_job == 3
    assert (experiment.evaluation.samples, experiment.evaluation.seeds) == (5000, 2)
    assert experiment.limits == Limits(steps=600, samples=None)
    assert experiment.networks.to_json() == {
        **networks(),
        "discriminator_norm": "batch",
        "generator_bn_momentum": 0.1,
    }
    assert experiment.reference_keys == {"fid": "classifier-fixed"}
    assert (experiment.stop, experiment.metrics) == (Stop("fid", 15.0), {})
    assert experiment.optimizers["Adam"].optimizer.settings == OPTIMIZERS["Adam"].settings()
    assert config.experiments["wgan-mnist"].objective.settings.penalty_weight == 10.0
    assert config.experiments["wgan-mnist"].networks.settings.discriminator_norm == "none"
    assert config.device == "cpu"


def test_an_optimizers_own_hyper_parameters_and_batch_sizes():
    config = load(
        changed(
            minimal(),
            {f"{X}/optimizers/Adam/beta1": 0, f"{X}/optimizers/RMSProp/batch_sizes": [16]},
        )
    )
    optimizers = config.experiments["dcgan-fashion"].optimizers
    assert optimizers["Adam"].optimizer.values == {"beta1": 0.0, "beta2": 0.999, "eps": 1e-8}
    assert optimizers["Adam"].batch_sizes == (2, 4, 8)
    assert optimizers["RMSProp"].batch_sizes == (16,)


@pytest.mark.parametrize(
    ("seeds_per_job", "groups"),
    [
        (1, ["0", "1", "2"]),
        (2, ["0-1", "2"]),
        (3, ["0-1-2"]),
        (9, ["0-1-2"]),
        (None, ["0-1-2"]),
    ],
)
def test_runs_are_one_per_optimizer_batch_size_and_group_of_seeds(seeds_per_job, groups):
    runs = load(changed(minimal(), {f"{X}/seeds_per_job": seeds_per_job})).runs()
    keys = [
        (run.optimizer, run.batch_size, run.seed_key)
        for run in runs
        if run.experiment == "dcgan-fashion"
    ]
    assert keys == [(o, b, g) for o in ("Adam", "RMSProp") for b in (2, 4, 8) for g in groups]
    assert runs[-1] == Run("wgan-mnist", "Adam", 4, (0,))


def test_a_run_knows_its_paths():
    run = Run("dcgan-fashion", "Adam", 8, (0, 1, 2))
    expected = "results/runs/dcgan-fashion/Adam/b8/seeds_0-1-2/history.csv"
    assert run.path("history.csv") == expected


def test_another_batch_size_adds_one_run_per_group_of_seeds():
    before = changed(minimal(), {f"{X}/seeds_per_job": 2, f"{X}/optimizers/RMSProp": REMOVED})
    after = changed(before, {f"{X}/batch_sizes": [2, 4, 8, 16]})
    added = set(load(after).runs()) - set(load(before).runs())
    assert added == {Run("dcgan-fashion", "Adam", 16, seeds) for seeds in ((0, 1), (2,))}
    assert set(load(before).runs()) <= set(load(after).runs())


UNRELATED = {
    f"{X}/title": "Another title",
    f"{X}/section": "5",
    f"{X}/evaluation": {"samples": 100, "seeds": 1},
    f"{X}/optimizers/RMSProp/generator_rate": 0.1,
    f"{X}/optimizers/AdaBelief": rates(),
    f"{X}/batch_sizes": [4, 32],
    f"{X}/ratio/optimizer": "RMSProp",
    f"{W}/limits/steps": 700,
    "datasets/mnist/image_size": 16,
}
RELATED = {
    f"{X}/networks/latent": 32,
    f"{X}/networks/discriminator_width": 8,
    f"{X}/objective": {"kind": "hinge"},
    f"{X}/discriminator_steps": 5,
    f"{X}/latent_reuse": False,
    f"{X}/limits/samples": 10_000,
    f"{X}/fid/threshold": 14.0,
    f"{X}/fid/pixel_map": "stretch",
    f"{X}/optimizers/Adam/generator_rate": 0.1,
    f"{X}/optimizers/Adam/beta1": 0.0,
}
RUN = Run("dcgan-fashion", "Adam", 4, (0, 1, 2))


@pytest.mark.parametrize("path", UNRELATED)
def test_a_job_does_not_depend_on(path):
    edited = load(changed(minimal(), {path: UNRELATED[path]}))
    assert edited.training_job(RUN) == load(minimal()).training_job(RUN)


@pytest.mark.parametrize("path", RELATED)
def test_a_job_depends_on(path):
    alone = changed(minimal(), {W: REMOVED})  # so that both have the same generator
    edited = load(changed(alone, {path: RELATED[path]}))
    assert edited.training_job(RUN) != load(alone).training_job(RUN)


def test_a_training_job_as_json():
    assert load(minimal()).training_job(RUN).to_json() == {
        "experiment": "dcgan-fashion",
        "networks": {**networks(), "discriminator_norm": "batch", "generator_bn_momentum": 0.1},
        "objective": {"kind": "bce"},
        "discriminator_steps": 1,
        "latent_reuse": True,
        "labels": "data",
        "micro_batches": 1,
        "processes": 1,
        "stop": {"metric": "fid", "at_most": 15.0},
        "metrics": {},
        "ema": None,
        "compute": {
            "precision": "fp32",
            "channels_last": False,
            "compile": False,
            "batch_norm_over": "device",
        },
        "limits": {"steps": 600, "samples": None},
        "fid": {
            "features": "classifier",
            "samples": 2000,
            "pixel_map": "fixed",
            "first_look": None,
            "resize": None,
            "weights": None,
            "grid": {"kind": "log", "first": 50, "factor": 1.1},
        },
        "batch_size": 4,
        "seeds": [0, 1, 2],
        "optimizer": "Adam",
        "generator_rate": 0.002,
        "discriminator_rate": 0.002,
        "hyper": {"beta1": 0.5, "beta2": 0.999, "eps": 1e-8},
    }


def test_a_training_job_comes_back_from_json():
    config = load(minimal())
    for run in config.runs():
        job = config.training_job(run)
        assert TrainingJob.from_json(json.loads(json.dumps(job.to_json()))) == job


@pytest.mark.parametrize(
    ("changes", "steps", "batch_size"),
    [
        ({}, [2, 6, 20], 4),
        ({f"{X}/limits/steps": 9000, f"{X}/batch_sizes": [64, 2, 4, 8]}, [30, 100, 300], 4),
        ({f"{X}/limits/steps": 60}, [1, 2], 4),
        ({f"{X}/noise_probe": {"steps": [600, 7], "batch_size": 3}}, [7, 600], 3),
    ],
)
def test_when_and_at_which_batch_size_the_gradient_noise_is_measured(changes, steps, batch_size):
    settings = load(changed(minimal(), changes)).noise_settings("dcgan-fashion").to_json()
    assert (settings["steps"], settings["batches"]) == (steps, 20)
    assert [job["optimizer"] for job in settings["jobs"]] == ["Adam", "RMSProp"]
    for job in settings["jobs"]:
        assert (job["batch_size"], job["seeds"]) == (batch_size, [0, 1, 2])
        assert not {"limits", "fid", "processes"} & set(job)


def test_experiment_records():
    first, second = load(minimal()).experiment_records()
    rmsprop = {"hyper": {"alpha": 0.99, "eps": 1e-8}, "batch_sizes": [2, 4, 8]}
    assert first["optimizers"]["RMSProp"] == {**rates(), **rmsprop}
    adam = {"hyper": {"beta1": 0.5, "beta2": 0.999, "eps": 1e-8}, "batch_sizes": [4]}
    assert second == {
        "name": "wgan-mnist",
        "section": "4.2",
        "title": "WGAN-GP on MNIST",
        "features": "classifier",
        "ratio": {"experiment": "dcgan-fashion", "optimizer": "Adam"},
        "optimizers": {"Adam": {**rates(), **adam}},
    }


def test_slices_are_json_and_copies():
    config = load(minimal())
    slices = {
        "training": [config.training_job(run).to_json() for run in config.runs()],
        "datasets": [config.dataset_settings(name) for name in config.datasets],
        "records": config.experiment_records(),
        "noise": [config.noise_settings(name).to_json() for name in config.experiments],
    }
    assert json.loads(json.dumps(slices, allow_nan=False)) == slices
    before = copy.deepcopy(config)
    slices["training"][0]["fid"]["grid"]["first"] = 7
    slices["training"][0]["hyper"]["beta1"] = 7
    slices["datasets"][0]["kind"] = 7
    slices["records"][0]["ratio"]["experiment"] = 7
    assert config == before
