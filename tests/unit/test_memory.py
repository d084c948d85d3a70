"""The estimate of a job's memory against what the job takes, and what is said about a shortage."""

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from conftest import SETTINGS
from training_runs import SCRIPT, settings_with
from ttur.training.memory import (
    available_bytes,
    ceiling_bytes,
    out_of_memory,
    shortage,
    training_bytes,
)

CPU, GPU = torch.device("cpu"), torch.device("cuda")
WIDE = SETTINGS["networks"] | {"generator_width": 32, "discriminator_width": 32}
CASES = {
    "dcgan": settings_with(batch_size=256, networks=WIDE),
    "weights": settings_with(
        batch_size=4,
        seeds=[0],
        networks=WIDE | {"generator_width": 256, "discriminator_width": 256},
    ),
    "wgan-gp": settings_with(
        batch_size=128,
        networks=WIDE,
        objective={"kind": "wasserstein_gp", "penalty_weight": 10.0},
        optimizer="AdaBelief",
    ),
    "micro-batches": settings_with(
        batch_size=512, networks=WIDE, latent_reuse=False, micro_batches=4
    ),
}
MEASURE = """
import json, resource, sys
import numpy, torch
from ttur.training.draws import Draws
from ttur.training.groups import Group, grouped, step_all
from ttur.training.images import ImageStore
from ttur.training.labels import SampleLabels
from ttur.training.memory import training_bytes
from ttur.training.step import build_players
from ttur.training.world import World

torch.set_num_threads(1)
settings, cpu = json.loads(sys.argv[1]), torch.device("cpu")
estimate = training_bytes(settings, 32, 3, 10, cpu)
images = ImageStore(numpy.zeros((600, 32, 32, 3), numpy.uint8), cpu)
before = int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
labels, latent = torch.zeros(600, dtype=torch.int64), settings["networks"]["latent"]
groups = []
for seeds in grouped(settings["seeds"], settings, 32, cpu):
    players = build_players(settings, seeds, 32, 3, 10, cpu, World())
    draws = Draws(images, labels, SampleLabels.uniform(10), seeds, settings["batch_size"], latent)
    groups.append(Group(seeds, players, draws))
for step in range(2):
    step_all(groups, step)
# Not ru_maxrss, which begins with what the process had that started this one.
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
peak = int(status["VmHWM"].split()[0]) * 1024
print(json.dumps([estimate, peak - before]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_the_estimate_is_within_a_factor_of_two_of_what_is_taken(case, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "workflow/scripts")
    settings = CASES[case]
    # No samples of an evaluation: what is measured are two steps.
    settings = settings | {"fid": settings["fid"] | {"samples": 1}}
    command = [sys.executable, "-c", MEASURE, json.dumps(settings)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    estimate, measured = json.loads(result.stdout)
    print(f"{case}: {estimate / 2**20:.0f} MiB estimated, {measured / 2**20:.0f} MiB measured")
    assert measured / 2 < estimate < measured * 2


@pytest.mark.parametrize("case", CASES)
def test_the_quick_bound_lies_above_the_estimate(case):
    assert ceiling_bytes(CASES[case], 32, 3) >= training_bytes(CASES[case], 32, 3, 10, CPU)


def test_parts_and_fewer_seeds_need_less():
    whole = settings_with(batch_size=512, networks=WIDE, latent_reuse=False)
    needed = training_bytes(whole, 32, 3, 10, GPU)  # where all seeds train in one network
    assert training_bytes(whole | {"micro_batches": 8}, 32, 3, 10, GPU) < needed / 3
    assert training_bytes(whole | {"seeds": [0]}, 32, 3, 10, GPU) < needed / 2
    assert training_bytes(whole | {"batch_size": 1024}, 32, 3, 10, GPU) > 1.7 * needed
    assert training_bytes(whole, 32, 3, 10, CPU) < needed / 2  # one after the other


def test_memory_is_asked_of_every_limit():
    free = available_bytes(torch.device("cpu"))
    assert 1 << 20 < free < 1 << 50
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + (100 << 20), hard))
    try:
        assert available_bytes(torch.device("cpu")) <= 100 << 20
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def test_the_line_names_the_keys_that_help():
    assert shortage(SETTINGS, 100, 100) is None
    line = shortage(SETTINGS, 3 << 30, 1 << 30)
    assert line == (
        "batch size 4 with 3 seeds at a time needs about 3.0 GiB, 1.0 GiB are free: lower "
        "seeds_per_job, raise micro_batches (BatchNorm then sees a part of the batch), set "
        "compute.precision to bf16, or use a machine with more memory"
    )
    least = settings_with(seeds=[0], micro_batches=4)
    assert "seeds_per_job" not in shortage(least, 2, 1)
    assert "micro_batches" not in shortage(least, 2, 1)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
        RuntimeError("std::bad_alloc"),
    ],
)
def test_all_kinds_of_running_out_of_memory_are_known(error):
    assert "out of memory at batch size 4 with 3 seeds" in str(out_of_memory(SETTINGS, error))
    assert out_of_memory(SETTINGS, RuntimeError("shapes do not fit")) is None


def test_a_batch_that_cannot_fit_is_announced_and_ends_in_one_line(tiny, tmp_path):
    settings = settings_with(
        batch_size=60, networks=WIDE | {"generator_width": 1024, "discriminator_width": 1024}
    )
    program = (
        "import resource, runpy, sys; import torch; "
        "pages = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize(); "
        "resource.setrlimit(resource.RLIMIT_AS, (pages + (600 << 20),) * 2); "
        "sys.argv = sys.argv[1:]; sys.path.insert(0, 'workflow/scripts'); "
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    (tmp_path / "present").touch()
    command = [sys.executable, "-c", program, SCRIPT, *tiny.command(tmp_path, settings)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 1
    assert "Traceback" not in result.stderr, result.stderr
    announced, _, ended = result.stderr.splitlines()
    assert "batch size 60 with 3 seeds at a time needs about" in announced
    assert ended.startswith("error: out of memory at batch size 60 with 3 seeds at a time: lower")
    assert [path.name for path in tmp_path.iterdir()] == ["present"]
