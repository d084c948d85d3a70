"""A kind whose networks hold one seed: seeds train, are measured and are stored one by one."""

from dataclasses import replace

import pytest
import torch
from conftest import SETTINGS, job_of
from critical_batch.data.packed import PackedDataset
from critical_batch.data.shape import ImageShape
from critical_batch.metrics.evaluator import generate
from critical_batch.metrics.saved_generators import load_generators
from critical_batch.networks.build import build, shapes
from critical_batch.networks.kinds import ARCHITECTURES, in_one_network
from critical_batch.networks.replicated import Apart, replica_state
from critical_batch.runs.record import write_record
from critical_batch.training import seed_groups
from critical_batch.training.gradient_noise import ProbePlan, probe
from critical_batch.training.memory import training_bytes
from critical_batch.training.seed_groups import together_or_apart
from safetensors.torch import save_file
from test_training import same_generators, train_tiny

CPU, GPU = torch.device("cpu"), torch.device("cuda")
SHAPE = ImageShape(16, 1, 3)
ALONE = SETTINGS | {"networks": SETTINGS["networks"] | {"kind": "alone"}}


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """DCGAN, one seed in a network."""

    def of_one(settings, shape, replicas):
        assert replicas == 1
        return ARCHITECTURES["dcgan"].build(settings, shape, replicas)

    entry = replace(ARCHITECTURES["dcgan"], build=of_one, replicas=False)
    monkeypatch.setitem(ARCHITECTURES, "alone", entry)


def test_several_seeds_in_one_of_its_networks_are_an_error():
    for several in (
        lambda: build(ALONE["networks"], SHAPE, [0, 1]),
        lambda: shapes(ALONE["networks"], SHAPE, 2),
    ):
        with pytest.raises(ValueError, match="a network of kind alone holds one seed, not 2"):
            several()
    assert len(build(ALONE["networks"], SHAPE, [4])) == len(shapes(ALONE["networks"], SHAPE, 1))


def test_seeds_part_however_small_their_maps_are():
    together, apart = job_of(SETTINGS), job_of(ALONE)
    for device in (CPU, GPU):
        assert together_or_apart([5, 0], together, 16, device) == [[5, 0]]
        assert together_or_apart([5, 0], apart, 16, device) == [[5], [0]]
    assert in_one_network(SETTINGS["networks"], (5, 0)) == [[5, 0]]
    assert in_one_network(ALONE["networks"], (5, 0)) == [[5], [0]]


def test_its_memory_is_counted_seed_by_seed():
    two = training_bytes(job_of(ALONE | {"seeds": [0, 1]}), SHAPE, CPU)
    assert two > training_bytes(job_of(ALONE | {"seeds": [0]}), SHAPE, CPU)


def test_it_trains_as_seeds_in_a_network_each(tiny, tmp_path, monkeypatch):
    found = train_tiny(tiny, tmp_path, ALONE)
    monkeypatch.setattr(seed_groups, "MAPS_TOGETHER", 0)
    expected = train_tiny(tiny, tmp_path, SETTINGS)
    assert found.rows == expected.rows
    assert same_generators(found.generators, expected.generators)


def test_its_gradient_noise_is_that_of_each_seed_alone(tiny):
    dataset, plan = PackedDataset.open(tiny.data_dir), ProbePlan(steps=(1, 3), batches=2)
    found = list(probe(job_of(ALONE | {"seeds": [4, 0]}), dataset, plan, CPU))
    expected = [
        row
        for seed in (4, 0)
        for row in probe(job_of(SETTINGS | {"seeds": [seed]}), dataset, plan, CPU)
    ]
    assert found == expected
    assert [row["seed"] for row in found] == [4] * 4 + [0] * 4


def test_its_stored_generators_are_sampled_one_by_one(tmp_path):
    manifest = {"height": 16, "width": 16, "channels": 1, "classes": 3}
    states = {seed: replica_state(build(ALONE["networks"], SHAPE, [seed])[0], 0) for seed in (3, 7)}
    path, run = tmp_path / "generators.safetensors", tmp_path / "run.json"
    save_file({f"{s}.{name}": v for s, state in states.items() for name, v in state.items()}, path)
    record = {"settings": {"networks": ALONE["networks"]}}
    write_record(run, record, [path])

    def load(seeds):
        return load_generators(path, run, record, manifest, seeds, CPU)

    path = path.rename(tmp_path / "other.safetensors")  # not the record's: nothing to compare
    both = load((7, 3))
    assert isinstance(both, Apart)
    inputs = torch.randn(5, 8), torch.zeros(5, 1, dtype=torch.int64)
    for place, seed in enumerate((7, 3)):
        one = load((seed,))
        assert not isinstance(one, Apart)
        own = replica_state(one, 0)
        assert all(torch.equal(own[name], states[seed][name]) for name in own)
        assert torch.equal(generate(both, place, inputs), generate(one, 0, inputs))
    assert not torch.equal(generate(both, 0, inputs), generate(both, 1, inputs))
