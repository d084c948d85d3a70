"""A training job as a value: what it holds, and that JSON carries it without loss."""

import json
import subprocess
import sys
from dataclasses import FrozenInstanceError, asdict, replace

import pytest
from conftest import SETTINGS, job_of
from critical_batch.data.shape import ImageShape
from critical_batch.metrics.features.settings import FeatureSettings
from critical_batch.runtime.errors import UserError
from critical_batch.training.grid import Limits, LinearGrid, LogGrid
from critical_batch.training.job import (
    Compute,
    Ema,
    Fid,
    FirstLook,
    NoiseSettings,
    Recipe,
    Stop,
    TrainingJob,
)
from training_runs import SCRIPT

FULL = TrainingJob(
    experiment="all-set",
    networks={"kind": "dcgan", "latent": 8, "generator_width": 4, "discriminator_width": 6},
    objective={"kind": "wasserstein_gp", "penalty_weight": 10.0},
    optimizer="RMSProp",
    generator_rate=0.001,
    discriminator_rate=0.002,
    hyper={"alpha": 0.99, "eps": 1e-8},
    batch_size=12,
    seeds=(3, 1),
    discriminator_steps=5,
    latent_reuse=False,
    labels="uniform",
    micro_batches=3,
    ema=Ema(decay=0.9, start_step=7),
    compute=Compute("tf32", channels_last=True, compile=True, batch_norm_over="all"),
    limits=Limits(steps=100, samples=600),
    fid=Fid(
        features="inception",
        samples=3000,
        pixel_map="stretch",
        grid=LogGrid(first=2, factor=3.0),
        first_look=FirstLook(samples=100, factor=1.5),
        resize="clean",
        weights="random",
    ),
    stop=Stop(metric="kid", at_most=0.125),
    metrics={"kid": {"subsets": 10, "subset_size": 50}},
    processes=2,
)


TRAINING_ONLY = ("limits", "fid", "stop", "metrics", "processes")


@pytest.mark.parametrize(
    "job",
    [
        FULL,
        job_of(SETTINGS),
        replace(FULL, fid=replace(FULL.fid, grid=LinearGrid(every=4), first_look=None), ema=None),
    ],
)
def test_json_carries_every_field_and_every_type(job):
    text = json.dumps(job.to_json())
    found = TrainingJob.from_json(json.loads(text))
    assert found == job
    assert asdict(found) == asdict(job)
    assert [type(each) for each in vars(found).values()] == [
        type(each) for each in vars(job).values()
    ]


def test_a_recipe_is_a_job_without_its_end():
    keys = [key for key in FULL.to_json() if key not in TRAINING_ONLY]
    recipe = Recipe.from_json({key: FULL.to_json()[key] for key in keys})
    assert [getattr(recipe, key) for key in keys] == [getattr(FULL, key) for key in keys]
    assert list(recipe.to_json()) == keys


def test_what_is_left_out_has_the_reference_s_value():
    least = ("experiment", "networks", "objective", "optimizer", "generator_rate")
    least += ("discriminator_rate", "hyper", "batch_size", "seeds")
    recipe = Recipe.from_json({key: FULL.to_json()[key] for key in least})
    assert recipe.compute == Compute("fp32", False, False, "device")
    assert (recipe.discriminator_steps, recipe.latent_reuse, recipe.micro_batches) == (1, True, 1)
    assert (recipe.labels, recipe.ema) == ("data", None)
    job = TrainingJob.from_json(
        {key: FULL.to_json()[key] for key in (*least, "limits", "fid", "stop")}
    )
    assert (job.processes, job.metrics) == (1, {})
    assert Limits(9) == Limits(9, samples=None)


def test_what_the_gradient_noise_needs_is_carried_by_json_too():
    keys = [key for key in FULL.to_json() if key not in TRAINING_ONLY]
    recipe = Recipe.from_json({key: FULL.to_json()[key] for key in keys})
    settings = NoiseSettings((3, 9), 20, (recipe, replace(recipe, optimizer="Adam")))
    text = json.dumps(settings.to_json())
    assert NoiseSettings.from_json(json.loads(text)) == settings
    assert settings.to_json()["steps"] == [3, 9]
    for changes, words in (({"step": 1}, "step is not known"), ({"jobs": [{}]}, "is missing")):
        with pytest.raises(UserError, match=rf"^job: .*{words}"):
            NoiseSettings.from_json(settings.to_json() | changes)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("sed", 3, "sed is not known"),
        ("seeds", None, "seeds is missing"),
        ("fid", 3, "fid is 3: use an object"),
        ("fid.treshold", 1.0, "fid.treshold is not known"),
        ("stop.at_most", None, "stop.at_most is missing"),
        ("fid.threshold", 8.0, "fid.threshold is not known"),
        ("fid.grid.kind", "cubic", "fid.grid.every is not known"),
        ("ema.decay", None, "ema.decay is missing"),
        ("limits.steps", None, "limits.steps is missing"),
        ("compute.fast", True, "compute.fast is not known"),
    ],
)
def test_what_is_no_job_is_one_line_with_its_key(path, value, words):
    values = replace(FULL, fid=replace(FULL.fid, grid=LinearGrid(every=4))).to_json()
    *parents, key = path.split(".")
    inside = values
    for parent in parents:
        inside = inside[parent]
    inside.pop(key, None)
    if value is not None:
        inside[key] = value
    with pytest.raises(UserError) as error:
        TrainingJob.from_json(values)
    assert words in str(error.value)
    assert str(error.value).startswith("job: ")


def test_a_job_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        FULL.batch_size = 3
    with pytest.raises(FrozenInstanceError):
        FULL.stop.at_most = 3.0


def test_when_it_ends_and_when_it_is_evaluated():
    assert FULL.last_step == 50  # 600 images in batches of 12
    assert FULL.evaluation_steps == [2, 6, 18, 50]
    assert replace(FULL, batch_size=4).last_step == 100
    assert (FULL.latent, FULL.name) == (8, "all-set RMSProp b=12")


def test_the_feature_network_of_a_distance():
    assert FULL.fid.network == FeatureSettings("inception", "clean", "random")
    assert job_of(SETTINGS).fid.network.to_json() == {"features": "classifier"}


def test_images_have_the_shape_that_their_manifest_says():
    manifest = {"height": 16, "width": 16, "channels": 3, "classes": 5, "images": 9}
    assert ImageShape.of(manifest) == ImageShape(size=16, channels=3, classes=5)


def test_the_script_prints_the_job_and_trains_nothing_in_a_dry_run(tiny, tmp_path):
    least = {key: SETTINGS[key] for key in SETTINGS if key not in ("compute", "ema", "labels")}
    command = [sys.executable, SCRIPT, *tiny.command(tmp_path, least, "--dry-run")]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    assert TrainingJob.from_json(json.loads(result.stdout)) == job_of(SETTINGS)
    assert list(tmp_path.iterdir()) == []


def test_the_script_refuses_what_is_no_job_in_one_line(tiny, tmp_path):
    command = [sys.executable, SCRIPT, *tiny.command(tmp_path, SETTINGS | {"sed": 1})]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stderr == "error: job: sed is not known: remove it\n"
