"""The configurations of examples/ are valid and say what their heads promise."""

from pathlib import Path

import pytest
import yaml
from critical_batch.configuration import load

EXAMPLES = sorted(Path("examples").glob("*.yaml"))


def read(name):
    return load(yaml.safe_load(Path("examples", name).read_text()))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_loads(path):
    assert read(path.name).runs()


def test_learning_rates_repeats_section_4_1_at_three_rates_and_changes_nothing_else():
    experiments = list(read("learning-rates.yaml").experiments.values())
    default = load(yaml.safe_load(Path("config.yaml").read_text())).experiments["dcgan-fashion"]
    rates = [e.optimizers["Adam"].generator_rate for e in experiments]
    assert rates == [0.001, 0.002, 0.004]
    assert rates == [e.optimizers["Adam"].discriminator_rate for e in experiments]
    assert rates[1] == default.optimizers["Adam"].generator_rate
    for experiment in experiments:
        assert experiment.optimizers.keys() == {"Adam"}
        assert set(experiment.batch_sizes) <= set(default.batch_sizes)
        assert experiment.ratio.model_dump() == {"experiment": "rate-2e-3", "optimizer": "Adam"}
        same = ("section", "networks", "objective", "seeds", "limits", "fid")
        for key in same:
            assert getattr(experiment, key) == getattr(default, key), key
