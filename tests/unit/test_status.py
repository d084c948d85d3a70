"""Where a workflow stands, from fabricated states of its jobs."""

import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from critical_batch.configuration import load
from critical_batch.reporting import status
from critical_batch.reporting.status import Job, read_jobs, seconds_left, summary

SCRIPT = Path("workflow/scripts/show_status.py").resolve()
CONFIG = {
    "datasets": {"mnist": {"kind": "mnist", "image_size": 8}},
    "experiments": {
        "small": {
            "section": "4.1",
            "title": "small",
            "dataset": "mnist",
            "networks": {
                "kind": "dcgan",
                "latent": 8,
                "generator_width": 4,
                "discriminator_width": 4,
            },
            "objective": {"kind": "bce"},
            "seeds": [0, 1],
            "limits": {"steps": 1000},
            "fid": {
                "features": "classifier",
                "samples": 100,
                "threshold": 5.0,
                "grid": {"kind": "linear", "every": 100},
            },
            "batch_sizes": [1, 2, 4, 8, 16],
            "optimizers": {
                "Adam": {"generator_rate": 0.001, "discriminator_rate": 0.001},
                "RMSProp": {"generator_rate": 0.001, "discriminator_rate": 0.001},
            },
            "ratio": {"experiment": "small", "optimizer": "Adam"},
        }
    },
}
NOW = 1_000_000.0


@pytest.fixture
def config():
    return load(CONFIG)


def job_of(config, optimizer, batch_size):
    return next(
        run for run in config.runs() if (run.optimizer, run.batch_size) == (optimizer, batch_size)
    )


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def finish(root, config, run, statuses=("reached", "reached"), seconds=100.0, settings=None):
    results = [
        {"seed": seed, "status": status, "final_value": 4.5 if status == "reached" else None}
        for seed, status in enumerate(statuses)
    ]
    record = {
        "settings": settings or config.training_job(run).to_json(),
        "stop": {"metric": "fid", "at_most": 5.0},
        "results": results,
        "seconds": seconds,
    }
    write(root / run.path("run.json"), json.dumps(record))
    history = "seed,step,metric,value,samples\n0,100,fid,9.0,80\n"
    write(
        root / run.path("history.csv"),
        f"{history}0,200,fid,4.2,80\n0,200,kid,0.1,80\n1,200,fid,nan,80\n",
    )


def state_of(root, run):
    return root / run.path("progress.json").replace("/runs/", "/state/", 1)


def begin(root, run, updated=NOW - 5, host="elsewhere", pid=1, **changes):
    progress = {
        "experiment": run.experiment,
        "optimizer": run.optimizer,
        "batch_size": run.batch_size,
        "seeds": [0, 1],
        "step": 400,
        "step_limit": 1000,
        "running": [1],
        "ended": {"0": "reached"},
        "distance": {"0": {"best": 4.9, "last": 4.9}, "1": {"best": 6.5, "last": 7.25}},
        "steps_per_second": 10.0,
        "seconds": 40.0,
        "seconds_left": 60.0,
        "host": host,
        "pid": pid,
        "slurm_job": None,
        "updated": updated,
    }
    write(state_of(root, run), json.dumps(progress | changes))


def log_of(root, run, text, written=None):
    name = f"{run.experiment}.{run.optimizer}.b{run.batch_size}.seeds_{run.seed_key}.log"
    path = root / "results/logs/train_gan" / name
    write(path, text)
    if written is not None:
        os.utime(path, (written, written))


def states(root, config, **options):
    jobs = read_jobs(config, root, now=lambda: NOW, **options)
    return {(job.run.optimizer, job.run.batch_size): job.state for job in jobs}


def test_without_results_everything_waits(tmp_path, config):
    assert set(states(tmp_path, config).values()) == {"waiting"}
    assert seconds_left(read_jobs(config, tmp_path), []) is None


def test_a_record_of_other_settings_is_not_done(tmp_path, config):
    run = job_of(config, "Adam", 4)
    finish(tmp_path, config, run)
    assert states(tmp_path, config)["Adam", 4] == "done"
    older = config.training_job(run).to_json() | {"generator_rate": 0.5}
    finish(tmp_path, config, run, settings=older)
    log_of(tmp_path, run, "12:00:00 small Adam b=4: step 1000/1000\n", NOW - 1)
    assert states(tmp_path, config)["Adam", 4] == "waiting"


def test_running_means_heard_of_lately(tmp_path, config):
    run = job_of(config, "Adam", 8)
    begin(tmp_path, run, updated=NOW - 100)
    assert states(tmp_path, config)["Adam", 8] == "running"
    assert states(tmp_path, config, stale=50)["Adam", 8] == "interrupted"


def test_a_process_of_this_machine_must_live(tmp_path, config):
    run = job_of(config, "Adam", 8)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    begin(tmp_path, run, host=platform.node(), pid=gone.pid)
    assert states(tmp_path, config)["Adam", 8] == "interrupted"
    begin(tmp_path, run, host=platform.node(), pid=os.getpid())
    assert states(tmp_path, config)["Adam", 8] == "running"


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        ("starting\nerror: disk full while writing x: make space\n", "error: disk full"),
        ("Traceback (most recent call last):\n  ...\nRuntimeError: odd\n", "RuntimeError: odd"),
    ],
)
def test_a_log_that_ends_in_an_error_is_a_failure(tmp_path, config, log, reason):
    run = job_of(config, "RMSProp", 2)
    begin(tmp_path, run, updated=NOW - 1000)
    log_of(tmp_path, run, log)
    job = next(job for job in read_jobs(config, tmp_path, now=lambda: NOW) if job.run == run)
    assert job.state == "failed"
    assert job.reason.startswith(reason)
    begin(tmp_path, run)  # the job was started again
    assert states(tmp_path, config)["RMSProp", 2] == "running"


def test_a_fresh_log_is_a_job_that_starts(tmp_path, config):
    run = job_of(config, "RMSProp", 2)
    log_of(tmp_path, run, "", NOW - 10)
    assert states(tmp_path, config)["RMSProp", 2] == "running"
    log_of(tmp_path, run, "", NOW - 1000)
    assert states(tmp_path, config)["RMSProp", 2] == "waiting"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"settings": 1}'])
def test_torn_files_count_as_missing(tmp_path, config, content):
    run = job_of(config, "Adam", 1)
    write(tmp_path / run.path("run.json"), content)
    if content != '{"settings": 1}':
        write(state_of(tmp_path, run), content)
    assert states(tmp_path, config)["Adam", 1] == "waiting"


def test_summary_counts_sizes_and_seeds(tmp_path, config):
    finish(tmp_path, config, job_of(config, "Adam", 1), ("step-limit", "diverged"))
    finish(tmp_path, config, job_of(config, "Adam", 4))
    begin(tmp_path, job_of(config, "Adam", 8))
    adam, rmsprop = summary(read_jobs(config, tmp_path, now=lambda: NOW))
    assert (adam["done"], adam["running"], adam["waiting"]) == ([1, 4], [8], [2, 16])
    assert (adam["reached"], adam["not_reached"], adam["diverged"]) == (3, 1, 1)
    assert adam["best"] == 4.2  # of the histories
    assert rmsprop["waiting"] == [1, 2, 4, 8, 16]
    assert rmsprop["best"] is None


def test_time_left_takes_the_nearest_batch_size(tmp_path, config):
    finish(tmp_path, config, job_of(config, "Adam", 1), seconds=100.0)
    finish(tmp_path, config, job_of(config, "Adam", 4), seconds=30.0)
    finish(tmp_path, config, job_of(config, "RMSProp", 4), seconds=50.0)
    begin(tmp_path, job_of(config, "Adam", 16))
    jobs = read_jobs(config, tmp_path, now=lambda: NOW)
    adam = [job for job in jobs if job.run.optimizer == "Adam"]
    # 16 runs: 60 s at most; 2 lies as near to 1 as to 4: all three; 8 as near to 4 as to the
    # running 16, of which the finished count.
    assert seconds_left(adam, jobs) == pytest.approx(60 + (100 + 30 + 50) / 3 + 40)
    assert seconds_left([job for job in jobs if job.state == "done"], jobs) == 0


def job(root, config, optimizer, batch_size, now=NOW):
    run = job_of(config, optimizer, batch_size)
    (found,) = (one for one in read_jobs(config, root, now=lambda: now) if one.run == run)
    return found


def test_what_is_known_of_a_job_in_every_state(tmp_path, config):
    """Best FID of the whole history, seconds so far, seconds left of what runs, and no more."""
    adam = {size: job_of(config, "Adam", size) for size in (1, 2, 4, 8, 16)}
    finish(tmp_path, config, adam[1], ("step-limit", "diverged"), seconds=12.5)
    begin(tmp_path, adam[2])
    begin(tmp_path, adam[4], updated=NOW - 5000)
    begin(tmp_path, adam[8], updated=NOW - 5000)
    log_of(tmp_path, adam[8], "error: no room\n", NOW - 10)
    so_far = {"ended": {"0": "reached"}, "best": 4.9, "seconds": 40.0}
    progress = json.loads(state_of(tmp_path, adam[2]).read_text())
    expected = {
        1: Job(adam[1], "done", {"0": "step-limit", "1": "diverged"}, 4.2, 12.5),
        2: Job(adam[2], "running", **so_far, seconds_left=60.0, progress=progress),
        4: Job(adam[4], "interrupted", **so_far),
        8: Job(adam[8], "failed", **so_far, reason="error: no room"),
        16: Job(adam[16], "waiting"),
    }
    for size, found in expected.items():
        assert job(tmp_path, config, "Adam", size) == found
    assert (expected[16].ended, expected[16].progress) == ({}, {})


@pytest.mark.parametrize(("silent", "state"), [(300, "running"), (301, "interrupted")])
def test_five_minutes_of_silence_are_an_evaluation(tmp_path, config, silent, state):
    begin(tmp_path, job_of(config, "Adam", 8), updated=NOW - silent)
    assert job(tmp_path, config, "Adam", 8).state == state


@pytest.mark.parametrize(("silent", "state"), [(300, "running"), (301, "waiting")])
def test_and_so_are_five_minutes_after_the_start(tmp_path, config, silent, state):
    log_of(tmp_path, job_of(config, "Adam", 8), "starting\n", NOW - silent)
    assert job(tmp_path, config, "Adam", 8).state == state


@pytest.mark.parametrize(
    ("error", "state"),
    [(PermissionError, "running"), (ProcessLookupError, "interrupted"), (None, "running")],
)
def test_a_process_is_asked_for_without_a_signal(tmp_path, config, monkeypatch, error, state):
    """Another user's process lives, too; one of another machine is not asked for."""
    asked = []

    def kill(pid, number):
        asked.append((pid, number))
        if error:
            raise error

    monkeypatch.setattr(os, "kill", kill)
    begin(tmp_path, job_of(config, "Adam", 8), host=platform.node(), pid=77)
    assert job(tmp_path, config, "Adam", 8).state == state
    assert set(asked) == {(77, 0)}
    asked.clear()
    begin(tmp_path, job_of(config, "Adam", 8), host="elsewhere", pid=77)
    assert job(tmp_path, config, "Adam", 8).state == "running"
    assert asked == []


@pytest.mark.parametrize(
    ("log", "state"),
    [
        ("error: early\n12:00:00 went on\n", "waiting"),
        ("12:00:00 went on\nerror: late\n\n  \n", "failed"),
        ("Traceback (most recent call last):\n...\nValueError\n12:00 a hint\n", "failed"),
        ("an error: in the middle\n", "waiting"),
        ("\xff" * 5000 + "\nerror: far behind", "failed"),
        ("Traceback (most recent call last):\n" + "x" * 5000, "waiting"),
        ("Traceback (most recent call last):" + "x" * (4096 - 34), "failed"),
        ("Traceback (most recent call last):" + "x" * (4097 - 34), "waiting"),
    ],
)
def test_the_end_of_a_log_says_whether_a_job_failed(tmp_path, config, log, state):
    run = job_of(config, "Adam", 8)
    log_of(tmp_path, run, "")
    path = tmp_path / f"results/logs/train_gan/small.Adam.b8.seeds_{run.seed_key}.log"
    path.write_bytes(log.encode("latin-1"))
    os.utime(path, (NOW - 10_000, NOW - 10_000))
    found = job(tmp_path, config, "Adam", 8)
    assert found.state == state
    assert found.reason == (log.strip().splitlines()[-1] if state == "failed" else "")


def test_a_missing_or_torn_history_leaves_the_final_distances(tmp_path, config):
    run = job_of(config, "Adam", 8)
    finish(tmp_path, config, run)
    history = tmp_path / run.path("history.csv")
    history.write_text("seed,step,metric,value,samples\n0,100,fid,4.4,80\n0,200,\n")
    assert job(tmp_path, config, "Adam", 8).best == 4.5
    history.unlink()
    assert job(tmp_path, config, "Adam", 8).best == 4.5


def jobs_of(config, optimizer, **changes):
    """Jobs with these states by batch size: `b4=("done", seconds, seconds left)`."""
    found = []
    for name, (state, seconds, left) in changes.items():
        run = job_of(config, optimizer, int(name[1:]))
        found.append(Job(run, state, seconds=seconds, seconds_left=left))
    return found


def test_the_time_left_is_of_finished_jobs_before_running_ones(config):
    """At the same distance, in powers of two and either way; what runs counts whole."""
    waiting = jobs_of(config, "Adam", b4=("waiting", None, None))
    for known, expected in (
        ({"b8": ("running", 10.0, 7.0)}, 17.0),
        ({"b8": ("running", 10.0, None)}, None),
        ({"b8": ("running", 10.0, 7.0), "b2": ("done", 5.0, None)}, 5.0),
        ({"b2": ("done", 5.0, None), "b8": ("done", 9.0, None)}, 7.0),
        ({"b1": ("done", 5.0, None), "b8": ("running", 10.0, 7.0)}, 17.0),
        ({"b16": ("done", 5.0, None), "b2": ("done", 6.0, None)}, 6.0),
        ({"b2": ("interrupted", None, None), "b8": ("done", 9.0, None)}, 9.0),
        ({}, None),
    ):
        assert seconds_left(iter(waiting), iter(jobs_of(config, "RMSProp", **known))) == expected
    known = jobs_of(config, "RMSProp", b8=("done", 9.0, None))
    interrupted = jobs_of(config, "Adam", b2=("interrupted", 3.0, 4.0))
    assert seconds_left([*known, *interrupted, *waiting], known) == 18.0


def test_of_other_experiments_nothing_is_known(config):
    content = json.loads(json.dumps(CONFIG))
    other = content["experiments"]["small"] | {"title": "other"}
    other["ratio"] = other["ratio"] | {"experiment": "other"}
    content["experiments"] = {"other": other, "small": content["experiments"]["small"]}
    runs = list(load(content).runs())
    known = [Job(run, "done", seconds=3.0) for run in runs if run.experiment == "other"]
    last = Job(next(run for run in runs if run.experiment == "small"), "done", seconds=50.0)
    waiting = [Job(run, "waiting") for run in runs if run.experiment == "small"][:1]
    assert seconds_left(waiting, known) is None
    assert seconds_left(waiting, [*known, last]) == 50.0
    rows = summary(iter([*known, *waiting]))
    assert [(row["experiment"], row["optimizer"]) for row in rows] == [
        ("other", "Adam"),
        ("other", "RMSProp"),
        ("small", "Adam"),
    ]
    assert [row["seconds_left"] for row in rows] == [0, 0, None]


def test_the_states_and_sizes_of_a_summary(config):
    """A batch size in two groups of seeds is named once."""
    jobs = jobs_of(config, "Adam", b2=("failed", 1.0, None), b1=("failed", 1.0, None)) * 2
    jobs += jobs_of(config, "Adam", b4=("interrupted", 4.0, None), b8=("done", 8.0, None))
    (row,) = summary(jobs)
    assert row == {
        "experiment": "small",
        "optimizer": "Adam",
        "done": [8],
        "running": [],
        "waiting": [],
        "failed": [2, 1],
        "interrupted": [4],
        "reached": 0,
        "not_reached": 0,
        "diverged": 0,
        "best": None,
        "seconds_left": 5 * 8.0,
    }
    assert tuple(row)[2:7] == status.STATES


def show(folder, *words):
    command = [sys.executable, SCRIPT, *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_the_script_shows_a_table_and_the_running_jobs(tmp_path, config):
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(CONFIG))
    for size in (1, 2, 4):
        finish(tmp_path, config, job_of(config, "Adam", size), ("reached", "step-limit"))
    begin(tmp_path, job_of(config, "Adam", 8), updated=time.time(), slurm_job="77")
    begin(tmp_path, job_of(config, "Adam", 16), updated=time.time() - 10_000)
    log_of(tmp_path, job_of(config, "RMSProp", 1), "error: no GPU: set device to cpu\n")
    started = time.perf_counter()
    shown = show(tmp_path, "--configfile", "own.yaml")
    print(f"status of 10 jobs in {time.perf_counter() - started:.2f} s")
    assert shown.returncode == 0, shown.stderr
    lines = [line.split("  ") for line in shown.stdout.splitlines()]
    header, adam, rmsprop = ([cell.strip() for cell in line if cell.strip()] for line in lines[:3])
    names = "experiment,optimizer,done,running,waiting,failed,interrupted,reached,not reached"
    assert header == f"{names},diverged,best distance,job time left".split(",")
    assert adam[:7] == ["small", "Adam", "1-4", "8", "-", "-", "16"]
    assert adam[7:] == ["5", "3", "0", "4.2", "3 min"]
    assert rmsprop[:6] == ["small", "RMSProp", "-", "-", "2-16", "1"]
    details = shown.stdout.splitlines()[4:]
    assert details[:3] == [
        "running      small Adam b=8 seeds 0-1: step 400 of 1000, classifier-FID 7.2 (best 4.9), "
        "10 steps/s, at most 1 min left, Slurm job 77 on elsewhere",
        "interrupted  small Adam b=16 seeds 0-1: the same command continues it",
        "failed       small RMSProp b=1 seeds 0-1: error: no GPU: set device to cpu",
    ]
    assert details[-1].startswith(
        "3 of 10 training jobs done, 1 running, 4 waiting, 1 failed, 1 interrupted; about "
    )


def test_the_script_needs_neither_torch_nor_pandas_nor_snakemake():
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import show_status;"
        "print({'torch', 'pandas', 'numpy', 'snakemake'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", program, str(SCRIPT.parent)]
    shown = subprocess.run(command, capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "error: own.yaml: "), ("a: [", "error: own.yaml is not YAML"), ("{}", "error: config")],
)
def test_the_script_names_what_is_wrong_with_the_configuration(tmp_path, content, message):
    if content is not None:
        (tmp_path / "own.yaml").write_text(content)
    shown = show(tmp_path, "--configfile", "own.yaml")
    assert shown.returncode == 1
    assert shown.stderr.startswith(message)
    assert shown.stderr.count("\n") == 1
