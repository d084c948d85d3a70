"""Generators that a job left behind: those asked for, whole, of the run that they lie beside."""

from pathlib import Path

import pytest
import torch
from critical_batch.data.shape import ImageShape
from critical_batch.metrics.saved_generators import load_generators
from critical_batch.networks.build import build
from critical_batch.networks.replicated import replica_state
from critical_batch.runs.record import read_record, write_record
from critical_batch.runtime.errors import UserError
from safetensors.torch import save_file
from test_fid_noise import CPU, NETWORKS
from test_step import BIGGAN

SEEDS = (3, 30, 0)  # one name begins another's
MANIFEST = {"height": 16, "width": 16, "channels": 3, "classes": 5}


@pytest.fixture(params=[NETWORKS, BIGGAN["networks"]], ids=["dcgan", "biggan"])
def job(request, tmp_path):
    """Paths of a job's generators and record, with the tensors."""
    network, _ = build(request.param, ImageShape(16, 3, 5), SEEDS)
    states = {seed: replica_state(network, replica) for replica, seed in enumerate(SEEDS)}
    path = tmp_path / "generators.safetensors"
    save_file({f"{s}.{name}": v for s, state in states.items() for name, v in state.items()}, path)
    write_record(tmp_path / "run.json", {"settings": {"networks": request.param}}, [path])
    return path, tmp_path / "run.json", states


def load(path, run, seeds=(3,), record=None):
    return load_generators(path, run, record or read_record(run), MANIFEST, seeds, CPU)


def refused(*job, **options):
    with pytest.raises(UserError) as error:
        load(*job, **options)
    return str(error.value)


def test_the_generators_asked_for_come_in_their_order(job):
    path, run, states = job
    for seeds in ((30,), (0, 3), SEEDS):
        generator = load(path, run, seeds)
        assert {len(parameter) for parameter in generator.parameters()} == {len(seeds)}
        for replica, seed in enumerate(seeds):
            found = replica_state(generator, replica)
            assert found.keys() == states[seed].keys()
            assert all(torch.equal(found[name], states[seed][name]) for name in found)


def test_generators_of_another_run_are_refused_beside_a_record(job, tmp_path):
    path, run, _ = job
    save_file({"3.weight": torch.zeros(1)}, path)
    assert refused(path, run) == f"{path} is not the one of {run}: delete both and run again"
    path.unlink()
    assert refused(path, run) == f"{path} is missing: delete {run} and run again"


def test_elsewhere_than_beside_the_record_only_the_tensors_must_fit(job, tmp_path):
    path, run, states = job
    other = tmp_path / "other" / path.name
    other.parent.mkdir()
    assert refused(other, run) == f"{other} is missing: delete {run} and run again"
    path.rename(other)
    generator = load(other, run, (30,))
    assert all(
        torch.equal(value, states[30][name]) for name, value in replica_state(generator, 0).items()
    )
    fits = f"{other} does not fit {run}: delete both and run again"
    assert refused(other, run, (1,)) == fits
    record = read_record(run)
    record["settings"]["networks"] = record["settings"]["networks"] | {"generator_width": 6}
    assert refused(other, run, record=record) == fits


@pytest.mark.parametrize("content", [b"", b"{}", b"x" * 100], ids=["empty", "short", "long"])
def test_a_file_that_holds_no_tensors_is_damaged(job, content):
    path, run, _ = job
    path.write_bytes(content)
    record = {key: value for key, value in read_record(run).items() if key == "settings"}
    message = refused(path, run, record=record)
    assert message.startswith(f"{path} is damaged (")
    assert message.endswith("): delete it and run again")
    assert "\n" not in message


def test_a_folder_in_the_place_of_the_file_is_damage_too(job, tmp_path):
    _, run, _ = job
    assert refused(tmp_path, Path("run.json"), record=read_record(run)).startswith(
        f"{tmp_path} is damaged ("
    )
