"""The estimate of a job's memory against what the job takes, and what is said about a shortage."""

import json
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from conftest import SETTINGS, job_of
from critical_batch.data.shape import ImageShape
from critical_batch.networks.build import shapes
from critical_batch.training import memory
from critical_batch.training.memory import (
    available_bytes,
    ceiling_bytes,
    out_of_memory,
    shortage,
    training_bytes,
)
from training_runs import SCRIPT, settings_with

CPU, GPU = torch.device("cpu"), torch.device("cuda")
WIDE_SHAPE = ImageShape(32, 3, 10)
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
from critical_batch.data.shape import ImageShape
from critical_batch.training.data import TrainingData
from critical_batch.training.images import ImageStore
from critical_batch.training.job import TrainingJob
from critical_batch.data.labels import SampleLabels
from critical_batch.training.memory import training_bytes
from critical_batch.training.trainer import Trainer
from critical_batch.training.world import World

torch.set_num_threads(1)
job, cpu = TrainingJob.from_json(json.loads(sys.argv[1])), torch.device("cpu")
shape = ImageShape(32, 3, 10)
estimate = training_bytes(job, shape, cpu)
images = ImageStore(numpy.zeros((600, 32, 32, 3), numpy.uint8), cpu)
before = int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
data = TrainingData(images, torch.zeros(600, dtype=torch.int64), SampleLabels.uniform(10))
trainer = Trainer(job, data, shape, device=cpu, world=World())
trainer.start(job.seeds)
for step in range(2):
    trainer.step(step)
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
    job = job_of(CASES[case])
    assert ceiling_bytes(job, WIDE_SHAPE) >= training_bytes(job, WIDE_SHAPE, CPU)


def test_parts_and_fewer_seeds_need_less():
    whole = job_of(settings_with(batch_size=512, networks=WIDE, latent_reuse=False))

    def needs(device=GPU, **changes):
        return training_bytes(replace(whole, **changes), WIDE_SHAPE, device)

    needed = needs()  # on a GPU, where all seeds train in one network
    assert needs(micro_batches=8) < needed / 3
    assert needs(seeds=(0,)) < needed / 2
    assert needs(batch_size=1024) > 1.7 * needed
    assert needs(CPU) < needed / 2  # one after the other


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
    assert shortage(job_of(SETTINGS), 100, 100) is None
    line = shortage(job_of(SETTINGS), 3 << 30, 1 << 30)
    assert line == (
        "batch size 4 with 3 seeds at a time needs about 3.0 GiB, 1.0 GiB are free: lower "
        "seeds_per_job, raise micro_batches (BatchNorm then sees a part of the batch), set "
        "compute.precision to bf16, or use a machine with more memory"
    )
    least = job_of(settings_with(seeds=[0], micro_batches=4))
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
    assert "out of memory at batch size 4 with 3 seeds" in str(
        out_of_memory(job_of(SETTINGS), error)
    )
    assert out_of_memory(job_of(SETTINGS), RuntimeError("shapes do not fit")) is None


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
    _, announced, _, ended = result.stderr.splitlines()
    assert "batch size 60 with 3 seeds at a time needs about" in announced
    assert ended.startswith("error: out of memory at batch size 60 with 3 seeds at a time: lower")
    assert [path.name for path in tmp_path.iterdir()] == ["present"]


# ------------------------------------------------------------------------------------------ by hand

MIB = 1 << 20
SHAPE = ImageShape(16, 3, 5)


def small(**changes):
    fid = {"samples": 80} | changes.pop("fid", {})
    changes = {"batch_size": 24, "micro_batches": 2, "processes": 3} | changes
    return job_of(settings_with(fid, **changes))


@pytest.fixture
def trained(monkeypatch):
    """What a step of training was asked for; in its place 3 MiB are alive, then 2 and 2 more."""
    asked = []

    def step(pair, inputs):
        (each,) = inputs.discriminator
        shapes = [tuple(tensor.shape) for tensor in (*each.real, *each.fake)]
        assert each.mix is inputs.generator is None
        assert (each.real.labels.dtype, each.fake.labels.dtype) == (torch.int64, torch.int64)
        asked.append((pair, inputs.number, shapes))
        kept = torch.empty(3 * MIB, dtype=torch.uint8, device="meta")
        same = kept.view(MIB, 3)  # no bytes of its own
        del kept, same
        parts = [torch.empty(2 * MIB, dtype=torch.uint8, device="meta") for _ in range(2)]
        parts.append(parts[0].add(1))
        del parts

    monkeypatch.setattr(memory, "update", step)
    return asked


def inputs(replicas):
    """Bytes of a micro-batch of 4 images of one process, their latents, and both kinds' labels."""
    return replicas * 4 * ((3 * 16**2 + 8) * 4 + 2 * 8)


def weights(job, replicas):
    """Bytes of the weights and buffers of both networks."""
    pair = shapes(job.networks, SHAPE, replicas)
    return sum(
        tensor.untyped_storage().nbytes()
        for network in pair
        for tensor in network.state_dict().values()
    )


def test_the_estimate_is_the_most_that_is_alive_and_a_rule_of_thumb(trained):
    """Of one micro-batch of one process; 1.35 times what is alive, and 40 MiB."""
    job = small()
    found = training_bytes(job, SHAPE, CPU)
    expected = 1.35 * (weights(job, 3) + inputs(3) + 6 * MIB) + 40 * MIB
    assert found == pytest.approx(expected, abs=1)
    assert isinstance(found, int)
    assert [number for _, number, _ in trained] == [0, 1]
    assert trained[0][2] == [(4, 9, 16, 16), (4, 3), (4, 24), (4, 3)]
    assert trained[0][0].micro_batches == 1


def test_groups_stand_side_by_side_and_the_moments_come_with_the_first_step(trained, monkeypatch):
    monkeypatch.setattr(memory, "together_or_apart", lambda *job: [[0, 1], [2]])
    costly = {"precision": "bf16", "compile": True}
    job = small(discriminator_steps=5, compute=SETTINGS["compute"] | costly)
    found = training_bytes(job, SHAPE, CPU)
    both = weights(job, 2) + weights(job, 1) + inputs(2)
    assert found == pytest.approx(1.35 * (both + 6 * MIB) + 40 * MIB, abs=1)
    assert [(number, shapes[1]) for _, number, shapes in trained] == [
        (0, (4, 2)),
        (0, (4, 1)),
        (1, (4, 2)),
        (1, (4, 1)),
    ]
    pair = trained[0][0]
    assert not isinstance(pair.autocast, torch.autocast)  # bf16 is counted as fp32
    assert pair.generator._compiled_call_impl is None  # which would take minutes


def test_seeds_are_grouped_as_they_train(trained, monkeypatch):
    asked = []

    def grouped(*job):
        asked.append(job)
        return [[0]]

    monkeypatch.setattr(memory, "together_or_apart", grouped)
    job = small(seeds=[4, 5])
    training_bytes(job, SHAPE, GPU)
    assert asked == [((4, 5), job, 16, GPU)]


@pytest.mark.parametrize(("samples", "shown"), [(80, 80), (250, 250), (251, 250)])
def test_the_samples_of_an_evaluation_count_where_they_are_more(
    trained, monkeypatch, samples, shown
):
    asked = []

    def one_replica(network, replica):
        def sample(latents, labels):
            asked.append((network, replica, tuple(latents.shape), tuple(labels.shape)))
            assert not torch.is_grad_enabled()
            torch.empty(20 * MIB, dtype=torch.uint8, device="meta")

        return sample

    monkeypatch.setattr(memory, "one_replica", one_replica)
    job = small(fid={"samples": samples})
    found = training_bytes(job, SHAPE, CPU)
    samples = shown * (8 * 4 + 8)
    expected = 1.35 * (weights(job, 3) + samples + 20 * MIB) + 40 * MIB
    assert found == pytest.approx(expected, abs=1)
    assert asked == [(trained[0][0].sampler, 0, (shown, 8), (shown, 1))]


def test_the_quick_bound_by_hand():
    """The larger of 128 maps per image of all seeds and 16 per sample of a pass, and 256 MiB."""
    for changes, channels, numbers in (
        ({"batch_size": 32}, 1, 4 * 16**2 * 4 * 128 * 32 * 3),
        ({"batch_size": 10}, 1, 4 * 16**2 * 4 * 16 * 250),
        ({"batch_size": 10, "seeds": [0, 1, 2, 3]}, 1, 4 * 16**2 * 4 * 128 * 40),
        ({"batch_size": 32}, 7, 7 * 16**2 * 4 * 128 * 32 * 3),
    ):
        job = job_of(settings_with(**changes))
        assert ceiling_bytes(job, ImageShape(16, channels, 5)) == numbers + 256 * MIB


class Machine:
    """Files of /proc and /sys below a folder, in the place of this machine's."""

    def __init__(self, folder):
        self._folder = folder

    def __call__(self, *parts):
        return Path(self._folder, *(str(part).removeprefix("/") for part in parts))

    def write(self, name, text):
        path = self(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def group(self, name, limit, used, inactive):
        stat = f"anon 5\nfile 9\ninactive_file {inactive}\nactive_file 7"
        for file, text in (("max", limit), ("current", used), ("stat", stat)):
            self.write(f"sys/fs/cgroup/{name}/memory.{file}", f"{text}\n")


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """8 GiB are available, and no limits."""
    machine = Machine(tmp_path)
    machine.write("proc/meminfo", "MemTotal: 99 kB\nMemAvailable:  8388608 kB\nOther: a:b 1 kB\n")
    machine.write("proc/self/statm", "1000 20 3 4\n")
    machine.write("proc/self/cgroup", "1:cpu:/old/0::\n0::/slurm/job_7/step\n")
    monkeypatch.setattr(memory, "Path", machine)
    unlimited = resource.RLIM_INFINITY
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (unlimited, unlimited))
    monkeypatch.setattr(resource, "getpagesize", lambda: 4096)
    return machine


def test_without_limits_it_is_the_machine_s_memory(machine):
    assert available_bytes(CPU) == 8 << 30
    machine.group("slurm/job_7/step", "max", 5, 0)
    assert available_bytes(CPU) == 8 << 30


def test_the_process_s_own_limit_counts_what_is_mapped(machine, monkeypatch):
    asked = []

    def limit(kind):
        asked.append(kind)
        return 1 << 30, -1

    monkeypatch.setattr(resource, "getrlimit", limit)
    assert available_bytes(CPU) == (1 << 30) - 1000 * 4096
    assert asked == [resource.RLIMIT_AS]


@pytest.mark.parametrize("name", ["slurm/job_7/step", "slurm/job_7", "slurm", ""])
def test_the_limit_of_any_group_above_counts_without_what_can_be_dropped(machine, name):
    """Cached files that nobody uses give way."""
    machine.group("slurm/job_7/step", "max", 5, 0)
    machine.group(name, 3 << 30, 2 << 30, 1 << 20)
    assert available_bytes(CPU) == (1 << 30) + (1 << 20)
    machine.group(name, 10 << 30, 1 << 30, 0)
    assert available_bytes(CPU) == 8 << 30


@pytest.mark.parametrize("text", ["", "1:cpu:/other\n", "0::/\n"])
def test_a_process_in_no_group_of_its_own_is_in_the_first(machine, text):
    machine.write("proc/self/cgroup", text)
    machine.group("slurm", 1 << 30, 0, 0)
    assert available_bytes(CPU) == 8 << 30
    machine.group("", 2 << 30, 0, 0)
    assert available_bytes(CPU) == 2 << 30


def test_on_a_gpu_its_own_free_memory_counts(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (123, 456))
    assert available_bytes(GPU) == 123


def test_remedies_are_those_that_are_left():
    last = "or use a machine with more memory"
    seeds = "lower seeds_per_job, "
    parts = "raise micro_batches (BatchNorm then sees a part of the batch), "
    precision = "set compute.precision to bf16, "
    half = {"compute": SETTINGS["compute"] | {"precision": "bf16"}}
    for changes, words in (
        ({}, seeds + parts + precision),
        ({"seeds": [1, 2]} | half, seeds + parts),
        ({"seeds": [1]}, parts + precision),
        ({"micro_batches": 3}, seeds + parts + precision),
        ({"micro_batches": 4}, seeds + precision),
        ({"seeds": [1], "micro_batches": 4} | half, ""),
    ):
        job = job_of(settings_with(**changes))
        assert shortage(job, 2, 1).split("are free: ")[1] == words + last
        told = str(out_of_memory(job, MemoryError()))
        assert told == (
            f"out of memory at batch size 4 with {len(job.seeds)} seeds at a time: {words}{last}"
        )


def test_other_errors_are_no_shortage_of_memory():
    for error in (
        RuntimeError("shapes do not fit"),
        RuntimeError(""),
        ValueError("out of memory"),
        KeyError("bad_alloc"),
    ):
        assert out_of_memory(job_of(SETTINGS), error) is None
    told = out_of_memory(job_of(SETTINGS), RuntimeError("CUDA error: out of memory"))
    assert "out of memory at batch size 4" in str(told)


def test_a_job_that_does_not_fit_is_told_with_what_it_needs_and_what_is_free(monkeypatch):
    job = job_of(SETTINGS)
    monkeypatch.setattr(memory, "available_bytes", lambda device: 1 << 30)
    monkeypatch.setattr(memory, "ceiling_bytes", lambda *of: None)
    monkeypatch.setattr(memory, "training_bytes", lambda *of: 2 << 30)
    line = memory.memory_warning(job, SHAPE, CPU)
    assert line.startswith("batch size 4 with 3 seeds at a time needs about 2.0 GiB, 1.0 GiB are")
    monkeypatch.setattr(memory, "training_bytes", lambda *of: 1 << 30)
    assert memory.memory_warning(job, SHAPE, CPU) is None
