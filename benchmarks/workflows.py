"""Large workflows: planning thousands of training jobs, and making tables of their results.

There is no peer here; the second size shows whether the time is linear in the number of jobs.
"""

import json
import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import yaml
from critical_batch.configuration import load
from critical_batch.runs.record import write_record
from critical_batch.tables.training import EVALUATIONS, HISTORY
from timing import Row, compare

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "workflow/scripts"
BATCH_SIZES = [2**k for k in range(10)]
OPTIMIZERS = ("Adam", "AdaBelief", "RMSProp")
PER_SEED = len(BATCH_SIZES) * len(OPTIMIZERS)
MEASURES = {
    "generator_loss": 0.7,
    "discriminator_loss": 1.3,
    "generator_gradient_norm": 0.5,
    "discriminator_gradient_norm": 0.5,
}


def measure(quick: bool) -> list[Row]:
    sizes = (60,) if quick else (510, 5010)
    rounds = 1 if quick else 3
    rows = []
    with tempfile.TemporaryDirectory() as name:
        for jobs in sizes:
            config = _configuration(jobs // PER_SEED)
            path = Path(name) / f"{jobs}.yaml"
            path.write_text(yaml.safe_dump(config))
            plan = ("-m", "snakemake", "--cores", "1", "--dry-run", "--quiet", "all")
            dry_run = partial(_python, *plan, "--configfile", path)
            rows += compare("plan", f"{jobs} training jobs", {"dry run": dry_run}, rounds)
            folder = Path(name) / str(jobs)
            _fabricate(folder, config)
            tables = partial(_tables, folder, json.dumps(load(config).experiment_records()))
            case = f"{jobs} finished jobs"
            rows += compare("tables and figures", case, {"all scripts": tables}, rounds)
    return rows


def _python(*words: object) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    command = [sys.executable, *map(str, words)]
    ended = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"PATH": path}, capture_output=True, text=True
    )
    if ended.returncode:
        raise RuntimeError(ended.stdout + ended.stderr)


def _configuration(seeds: int) -> dict:
    rates = {"generator_rate": 0.002, "discriminator_rate": 0.002}
    return {
        "device": "cpu",
        "datasets": {"mnist": {"kind": "mnist", "image_size": 16}},
        "experiments": {
            "large": {
                "section": "own",
                "title": "Many jobs",
                "dataset": "mnist",
                "networks": {
                    "kind": "dcgan",
                    "latent": 8,
                    "generator_width": 4,
                    "discriminator_width": 4,
                },
                "objective": {"kind": "bce"},
                "seeds": list(range(seeds)),
                "seeds_per_job": 1,
                "limits": {"steps": 9000},
                "fid": {
                    "features": "classifier",
                    "samples": 2000,
                    "threshold": 8.0,
                    "grid": {"kind": "log", "first": 50, "factor": 1.1},
                },
                "batch_sizes": BATCH_SIZES,
                "optimizers": {optimizer: dict(rates) for optimizer in OPTIMIZERS},
                "ratio": {"experiment": "large", "optimizer": "Adam"},
            }
        },
    }


def _fabricate(folder: Path, config: dict) -> None:
    """Records, histories and evaluations of every job: N(b) of Theorem 3.2 with a spread."""
    random = np.random.default_rng(0)
    runs = []
    for run in load(config).runs():
        steps = 2000 * run.batch_size / (run.batch_size - 0.9) * np.exp(random.normal(0, 0.3))
        reached = bool(steps < 9000)
        grid = np.unique((50 * 1.1 ** np.arange(56)).astype(int))
        grid = grid[: np.searchsorted(grid, min(steps, 9000)) + 1]
        fids = 8.0 + 60 * np.linspace(1, 0 if reached else 0.1, len(grid)) - (0.1 if reached else 0)
        path = folder / run.path("run.json")
        path.parent.mkdir(parents=True)
        last, seed = int(grid[-1]), run.seeds[0]
        rows = [
            (seed, step, name, value, 2000 if name == "fid" else None)
            for step, fid in zip(grid.tolist(), fids.tolist(), strict=True)
            for name, value in (("fid", fid), *MEASURES.items())
        ]
        HISTORY.write(path.with_name("history.csv"), rows)
        evaluations = folder / run.evaluation_file
        if not evaluations.exists():
            evaluations.write_text(f"{','.join(EVALUATIONS.columns)}\n")
        job = f"{run.experiment},{run.optimizer},{run.batch_size}"
        with open(evaluations, "a") as file:
            for number in range(2):
                file.write(f"{job},{seed},{number},5000,{fids[-1]!s}\n")
        result = {
            "seed": seed,
            "status": "reached" if reached else "step-limit",
            "steps": last if reached else None,
            "last_miss": int(grid[-2] if reached else last),
            "first_hit": last if reached else None,
            "final_value": float(fids[-1]),
            "final_step": last,
            "seconds": last * 0.004,
        }
        record = {
            "experiment": run.experiment,
            "optimizer": run.optimizer,
            "batch_size": run.batch_size,
            "seeds": [seed],
            "settings": {},
            "dataset": {"name": "mnist", "images": 5000, "sha256": "0" * 64},
            "metric": "classifier-FID",
            "stop": {"metric": "fid", "at_most": 8.0},
            "generator_parameters": 1000,
            "discriminator_parameters": 1000,
            "results": [result],
            "seconds": last * 0.004,
            "seed_steps_per_second": 250.0,
            "device": "cpu",
            "versions": {},
        }
        write_record(path, record, [path.with_name("history.csv")])
        runs.append(str(path))
    (folder / "runs.txt").write_text("\n".join(runs))
    noise = [f"large,Adam,16,0,2000,{number},{8 + 0.1 * number}" for number in range(8)]
    columns = "experiment,optimizer,batch_size,seed,samples,sample_seed,distance"
    (folder / "noise.csv").write_text("\n".join([columns, *noise]) + "\n")


def _tables(folder: Path, experiments: str) -> None:
    """Everything between the records and the figures of the experiment, script after script."""

    def script(name: str, **options: object) -> None:
        pairs = ((f"--{key.replace('_', '-')}", value) for key, value in options.items())
        _python(SCRIPTS / f"{name}.py", *(word for pair in pairs for word in pair))

    def files(*names: str) -> dict[str, Path]:
        return {name: folder / f"{name}.csv" for name in names}

    runs_file = folder / "runs.txt"
    label = {"experiment": "large", "section": "own", "title": "Many jobs"}
    label |= {"metric": "classifier-FID", "threshold": 8.0, "output_dir": folder / "figures"}
    script(
        "aggregate_runs",
        runs_file=runs_file,
        **files("steps", "critical", "networks", "evaluation", "speed"),
    )
    intervals = {"critical": folder / "intervals.csv"}
    script(
        "compute_statistics",
        runs_file=runs_file,
        **files("steps", "networks", "noise", "bootstrap", "fid_noise", "threshold"),
        **files("threshold_trend"),
        **intervals,
    )
    script(
        "estimate_critical_sizes",
        experiments=experiments,
        **files("steps", "critical", "networks", "estimates", "fit", "censored_fit"),
    )
    script(
        "write_table3",
        experiments=experiments,
        csv=folder / "table3.csv",
        md=folder / "table3.md",
        tex=folder / "table3.tex",
        **files("critical", "estimates"),
    )
    script(
        "plot_curves",
        fit=folder / "censored_fit.csv",
        intervals=folder / "intervals.csv",
        thresholds=folder / "threshold.csv",
        repetitions=folder / "noise.csv",
        **files("steps", "critical", "speed", "bootstrap"),
        **label,
    )
    script("plot_fid", runs_file=runs_file, **label)
