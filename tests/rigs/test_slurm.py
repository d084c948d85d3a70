"""The workflow on a real Slurm cluster, which is made on this machine for the time of the tests.

One run of the whole smoke DAG serves most of them. Its long trainings are hit while they work: one
is cancelled, one reaches its time limit, one loses its node.
"""

import csv
import io
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
import yaml
from limits import HANG, SOON
from workflow.checkout import Checkout, copy_repository

pytestmark = pytest.mark.rig

RIG = Path(__file__).parent / "slurm" / "slurm-rig"
CANCELLED, TIMED_OUT, NODE_LOST = "dcgan/Adam/b4", "dcgan/Adam/b8", "dcgan/RMSProp/b4"
# Nothing here computes on a GPU: the trainings ask for one and work on the CPU beside it.
WITH_A_GPU = ("--set-resources", "train_gan:gpu=1")
SUBMIT = ("--profile", "slurm", "--slurm-init-seconds-before-status-checks", "5")


def rig(*words):
    return subprocess.run([RIG, *words], capture_output=True, text=True, timeout=HANG)


@pytest.fixture(scope="module")
def cluster():
    installed = rig("install")
    if installed.returncode != 0:
        pytest.skip(f"no Slurm here: {installed.stderr.strip().splitlines()[-1]}")
    try:
        started = rig("up", str(os.getpid()))  # and down with this process, however it ends
        assert started.returncode == 0, started.stdout + started.stderr
        yield
    finally:
        rig("down", "--purge")


# ------------------------------------------------------------------------------------------ running


def smoke_on_the_cluster(settings):
    """The smoke configuration with three trainings of some seconds that never arrive."""
    dcgan = settings["experiments"]["dcgan"]
    dcgan |= {"seeds": [0], "limits": {"steps": 2000}}
    dcgan["fid"] |= {"threshold": 0.1, "grid": {"kind": "linear", "every": 100}}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A clone whose paper.yaml is the smoke configuration, so that the command stays verbatim."""
    checkout = copy_repository(tmp_path_factory.mktemp("cluster"))
    changed = checkout.changed_config(smoke_on_the_cluster)
    (checkout.root / changed).replace(checkout.root / "paper.yaml")
    rule = checkout.root / "workflow/rules/train.smk"
    text = rule.read_text()
    assert "--threads {threads}" in text
    rule.write_text(text.replace("--threads {threads}", "--threads {threads} --save-every 1"))
    return checkout


def start(checkout, *words):
    """snakemake --profile slurm; what it prints goes to a file, see `output_of`."""
    with open(checkout.root / "output", "w") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "snakemake", *words, *SUBMIT],
            cwd=checkout.root,
            env=checkout.environment() | {"OMP_NUM_THREADS": "1"},
            stdout=output,
            stderr=subprocess.STDOUT,
        )


def output_of(checkout):
    return (checkout.root / "output").read_text()


def until(condition, seconds, process):
    """The first value of `condition` that is true; fails when time or the process runs out."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert process.poll() is None, "snakemake ended too early"
        assert time.monotonic() < deadline, f"nothing after {seconds} s"
        time.sleep(0.1)
    return value


@dataclass(frozen=True)
class Training:
    """A training at work: its process and the surroundings that Slurm gave it."""

    pid: int
    environment: dict[str, str]

    @property
    def job(self):
        return self.environment["SLURM_JOB_ID"]


def training(checkout, run):
    """The process that trains a run, once it has saved its state."""
    state = f"results/state/{run}/seeds_0/state.pt"
    if not (checkout.root / state).exists():
        return None
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().decode().split("\0")
            if words[0].endswith("python") and state in words:
                variables = (folder / "environ").read_bytes().decode().split("\0")
                pairs = (variable.partition("=") for variable in variables)
                return Training(int(folder.name), {name: value for name, _, value in pairs})
        except (FileNotFoundError, ProcessLookupError):
            continue
    return None


def hold(checkout, runs, process):
    """Stops trainings in the middle, so that what hits them does not come too late."""
    held = {}

    def stop():
        for run in set(runs) - set(held):
            if found := training(checkout, run):
                os.kill(found.pid, signal.SIGSTOP)
                held[run] = found
        return len(held) == len(runs)

    until(stop, HANG, process)
    return held


def gone(found):
    return not Path(f"/proc/{found.pid}").exists()


def slurm(*words):
    subprocess.run(words, check=True, capture_output=True, timeout=HANG)


def accounting(*words):
    """sacct's table; -D: with every start of a job that Slurm itself started again."""
    fields = "JobID,Partition,State,AllocTRES%80,Comment%80,NodeList"
    command = ["sacct", "-X", "-D", "-P", "-o", fields, *words]
    text = subprocess.run(command, check=True, capture_output=True, text=True, timeout=HANG).stdout
    return list(csv.DictReader(io.StringIO(text), delimiter="|"))


@dataclass(frozen=True)
class ClusterRun:
    checkout: Checkout
    hit: dict[str, Training]
    jobs: list[dict[str, str]]

    def starts(self, run):
        experiment, optimizer, batch_size = run.split("/")
        name = f"rule_train_gan_wildcards_{experiment}_{optimizer}_{batch_size[1:]}_0"
        return [job for job in self.jobs if job["Comment"] == name]


@pytest.fixture(scope="module")
def run(cluster, checkout):
    process = start(checkout, *WITH_A_GPU)
    try:
        hit = hold(checkout, [CANCELLED, TIMED_OUT, NODE_LOST], process)
        slurm("scancel", hit[CANCELLED].job)
        slurm("scontrol", "update", f"JobId={hit[TIMED_OUT].job}", "EndTime=now")
        until(lambda: gone(hit[CANCELLED]) and gone(hit[TIMED_OUT]), HANG, process)
        assert rig("kill", hit[NODE_LOST].environment["SLURMD_NODENAME"]).returncode == 0
        until(lambda: gone(hit[NODE_LOST]), SOON, process)
        assert rig("up").returncode == 0
        process.wait(timeout=HANG)
    finally:
        process.kill()
        process.wait()
        print(output_of(checkout))  # pytest shows it where something fails
    assert process.returncode == 0
    return ClusterRun(checkout, hit, accounting())


# -------------------------------------------------------------------------------------------- tests


def test_the_whole_workflow_went_through_slurm(run):
    root = run.checkout.root
    assert pd.read_csv(root / "results/tables/table3.csv")["experiment"].nunique() == 3
    assert (root / "results/manifest.json").exists()
    rules = {re.match(r"rule_([a-z_0-9]+?)(_wildcards_|$)", job["Comment"])[1] for job in run.jobs}
    figures = {"plot_curves", "plot_fid", "plot_samples", "plot_comparison"}
    features = {"train_classifier", "compute_reference"}
    noise = {"measure_fid_noise", "probe_gradient_noise", "estimate_noise_scale"}
    summaries = {"aggregate_runs", "compute_statistics", "estimate_critical_sizes"}
    summaries |= {"compare_critical_sizes", "recommend", "table3", "published"}
    pages = {"table3_page", "runs_page", "theory_pages", "versions_page", "data_page"}
    assert rules == {"train_gan", "evaluate_runs"} | figures | features | noise | summaries | pages
    assert (root / "resources/prepared/mnist/images.npy").exists()  # made where it was submitted


def test_trainings_have_a_gpu_and_the_rest_has_the_other_partition(run):
    for job in run.jobs:
        trains = job["Comment"].startswith("rule_train_gan")
        assert job["Partition"] == ("gpu" if trains else "cpu"), job
        assert ("gres/gpu=1" in job["AllocTRES"]) == trains, job
    for found in run.hit.values():
        assert found.environment["CUDA_VISIBLE_DEVICES"] in ("0", "1")


def test_a_cancelled_training_is_submitted_again(run):
    first, *_, last = run.starts(CANCELLED)
    assert (first["JobID"], first["State"].split()[0]) == (run.hit[CANCELLED].job, "CANCELLED")
    assert last["State"] == "COMPLETED"
    assert last["JobID"] != first["JobID"]


def test_a_training_at_its_time_limit_is_submitted_again(run):
    first, *_, last = run.starts(TIMED_OUT)
    assert first["JobID"] == run.hit[TIMED_OUT].job
    assert first["State"] in ("TIMEOUT", "FAILED")  # FAILED: it heeded the warning ahead of it
    assert last["State"] == "COMPLETED"


def test_a_training_that_lost_its_node_is_started_again_by_slurm(run):
    *before, last = run.starts(NODE_LOST)
    assert {job["JobID"] for job in [*before, last]} == {run.hit[NODE_LOST].job}
    assert [job["State"] for job in before] in (["NODE_FAIL"], ["REQUEUED"])
    assert last["State"] == "COMPLETED"


@pytest.fixture(scope="module")
def undisturbed(run, tmp_path_factory):
    """The same trainings again, on this machine and without a cluster."""
    checkout = run.checkout.copy(tmp_path_factory.mktemp("undisturbed"))
    targets = [f"results/runs/{name}/seeds_0/run.json" for name in run.hit]
    result = checkout.snakemake(*targets, "--force", config="paper.yaml")
    assert result.returncode == 0, result.stdout
    return checkout


@pytest.mark.parametrize("name", [CANCELLED, TIMED_OUT, NODE_LOST])
def test_it_continued_and_ended_as_an_undisturbed_run(run, undisturbed, name):
    folder = f"results/runs/{name}/seeds_0"
    log = run.checkout.root / f"results/logs/train_gan/{name.replace('/', '.')}.seeds_0.log"
    assert f"continuing from results/state/{name}/seeds_0/state.pt" in log.read_text()
    disturbed, expected = (
        # As text; `seconds`, if it is there, is what the clock said.
        pd.read_csv(each.root / folder / "history.csv", dtype=str).drop(
            columns="seconds", errors="ignore"
        )
        for each in (run.checkout, undisturbed)
    )
    assert disturbed["step"].nunique() == 20
    assert disturbed.to_csv() == expected.to_csv()
    weights = [
        each.root / folder / "generators.safetensors" for each in (run.checkout, undisturbed)
    ]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_a_failing_job_of_two_processes_has_two_gpus_and_names_its_logs(run, tmp_path):
    checkout = run.checkout.copy(tmp_path)
    settings = yaml.safe_load((tmp_path / "paper.yaml").read_text())
    settings["device"] = "cuda"  # which is not there, and the images are damaged
    settings["experiments"]["wgan-gp"]["processes"] = 2
    (tmp_path / "cuda.yaml").write_text(yaml.safe_dump(settings))
    images = tmp_path / "resources/prepared/mnist/images.npy"
    images.write_bytes(images.read_bytes()[:1000])
    record = "results/runs/wgan-gp/AdaBelief/b4/seeds_1/run.json"
    (tmp_path / record).unlink()
    alone = ("--rerun-triggers", "mtime", "--allowed-rules", "train_gan")
    process = start(checkout, record, "--configfile", "cuda.yaml", "--retries", "0", *alone)
    assert process.wait(timeout=HANG) != 0

    output = output_of(checkout)
    job = re.search(r"submitted with SLURM jobid (\d+)", output)[1]
    (account,) = accounting("-j", job)
    assert (account["Partition"], account["State"]) == ("gpu", "FAILED")
    assert "gres/gpu=2" in account["AllocTRES"]
    log = "results/logs/train_gan/wgan-gp.AdaBelief.b4.seeds_1.log"
    error = re.search("^error: .*", (tmp_path / log).read_text(), re.MULTILINE)[0]
    assert log in output
    assert error in output  # shown where the user is looking
    slurm_log = re.search(r"\S*results/logs/slurm/rule_train_gan/\S+\.log", output)
    assert "Error in rule train_gan" in Path(slurm_log[0]).read_text()


def test_what_jobs_used_is_reported(run):
    (report,) = (run.checkout.root / "results/benchmarks/slurm").glob("efficiency_report_*.csv")
    table = pd.read_csv(report)
    assert table["RuleName"].str.startswith("rule_train_gan").sum() >= 6
    assert (table["RequestedMem_MB"] > table["MaxRSS_MB"]).all()
    assert not list((run.checkout.root / "results/state").glob("**/*"))


def test_the_profiles_partitions_are_those_of_the_cluster(cluster, checkout):
    profile = yaml.safe_load((checkout.root / "slurm/profile.yaml").read_text())
    listing = subprocess.run(["sinfo", "-h", "-o", "%R"], capture_output=True, text=True)
    assert set(listing.stdout.split()) == set(profile["partitions"])
