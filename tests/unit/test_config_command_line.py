"""What --config says, as Snakemake hands it on."""

import json

import pytest
from config_examples import minimal
from critical_batch.configuration import load
from critical_batch.runtime.errors import UserError
from critical_batch.training.grid import Limits
from critical_batch.training.job import Ema, FirstLook, Stop
from snakemake.cli import parse_config
from snakemake.utils import update_config


def merged(typed):
    """The minimal configuration with what --config says, as Snakemake hands both on."""
    parsed = parse_config(typed)
    config = minimal()
    update_config(config, parsed)
    return config, parsed


def test_numbers_inside_a_nested_value_of_the_command_line_are_numbers():
    first = {
        "limits": {"steps": 500, "samples": None},
        "batch_sizes": [2, 8],
        "latent_reuse": False,
    }
    first["ema"] = {"decay": 0.9, "start_step": 3}
    first["fid"] = {"threshold": 2.5e1, "first_look": {"samples": 100, "factor": 2}}
    for written in (
        repr(first),
        json.dumps(first),
        "{limits: {steps: 500, samples: null}, batch_sizes: [2, 8], latent_reuse: false, "
        "ema: {decay: 0.9, start_step: 3}, "
        "fid: {threshold: 25.0, first_look: {samples: 100, factor: 2}}}",
    ):
        config, typed = merged(
            [f"experiments={{dcgan-fashion: {written}}}", "compute={channels_last: true}"]
        )
        experiment = load(config, typed).experiments["dcgan-fashion"]
        assert experiment.limits == Limits(steps=500, samples=None)
        assert experiment.batch_sizes == (2, 8)
        assert experiment.latent_reuse is False
        assert experiment.ema == Ema(decay=0.9, start_step=3)
        assert experiment.stop == Stop("fid", 25.0)
        assert experiment.fid.first_look == FirstLook(samples=100, factor=2)
        assert load(config, typed).compute.channels_last is True


def test_text_of_the_command_line_stays_text():
    config, typed = merged(["experiments={dcgan-fashion: {section: 4.10, title: '12', ema: ~}}"])
    experiment = load(config, typed).experiments["dcgan-fashion"]
    assert (experiment.section, experiment.title, experiment.ema) == ("4.10", "12", None)
    config, typed = merged(["inception={weights: null}"])
    assert load(config, typed).inception.weights is None


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("limits: {steps: five}", "limits.steps is 'five': use a whole number"),
        ("limits: {steps: 0.5}", "limits.steps is 0.5: use a whole number"),
        ("limits: {steps: 0}", "limits.steps is 0: use a whole number of at least 1"),
        ("limits: {steps: }", "limits.steps is empty: give it a whole number"),
        ("limits: 5", "limits is 5: use a mapping of keys to values"),
        ("batch_sizes: [2, x]", "batch_sizes[1] is 'x': use a whole number"),
        ("fid: {threshold: 2e1}", "fid.threshold is text: YAML reads 2e1 as text, write 20"),
        ("limits: {step: 5}", "limits.step is not a known key: did you mean steps?"),
    ],
)
def test_mistakes_in_a_nested_value_of_the_command_line_are_one_line(typed, message):
    config, parsed = merged([f"experiments={{dcgan-fashion: {{{typed}}}}}"])
    with pytest.raises(UserError) as caught:
        load(config, parsed)
    assert str(caught.value).startswith(f"config: experiments.dcgan-fashion.{message}")


def test_what_a_file_holds_is_read_as_the_file_says():
    config, typed = merged(["experiments={dcgan-fashion: {limits: {steps: 500}}}"])
    config["experiments"]["wgan-mnist"]["limits"]["steps"] = "500"
    with pytest.raises(UserError, match=r"wgan-mnist\.limits\.steps is text, '500' in quotes"):
        load(config, typed)
