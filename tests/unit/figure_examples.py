"""Tables as the figures read them, shaped like the default run; all from known constants."""

from pathlib import Path

import numpy as np
import pandas as pd
from critical_batch.analysis.aggregate import critical_table, median_sfo, steps_table
from critical_batch.reporting.figures.label import Label
from critical_batch.reporting.figures.sheets import FinalImages
from critical_batch.tables.aggregate import SPEED
from critical_batch.tables.statistics import BOOTSTRAP, CRITICAL_INTERVALS, REPETITIONS, THRESHOLD
from critical_batch.tables.theory import CENSORED_FIT, COMPARISON, LEARNING_RATES, NOISE_SCALE

# Theorem 3.2 as N(b) = b / (intercept b - slope): the pole is slope / intercept, b* twice that.
FITS = {
    "dcgan": {
        "Adam": (0.0032, 0.0020),
        "AdaBelief": (0.0026, 0.0022),
        "RMSProp": (0.0044, 0.0030),
    },
    "wgan-gp": {
        "Adam": (0.0013, 0.0017),
        "AdaBelief": (0.0010, 0.0015),
        "RMSProp": (0.0027, 0.0038),
    },
    "biggan": {"Adam": (0.0035, 0.0018), "AdaBelief": (0.0020, 0.0011)},
}
SECTIONS = {"dcgan": "4.1", "wgan-gp": "4.2", "biggan": "4.3"}
SIZES = {
    "dcgan": (1, 2, 4, 8, 16, 32, 64),
    "wgan-gp": (1, 2, 4, 8, 16, 32),
    "biggan": (2, 4, 8, 16),
}
LIMIT = {"dcgan": 9000, "wgan-gp": 6000, "biggan": 4500}
GRID = np.unique(np.round(50 * 1.1 ** np.arange(60)).astype(int))
PUBLISHED = {
    "dcgan": {"Adam": (32, 32), "AdaBelief": (32, 32), "RMSProp": (8, 128)},
    "wgan-gp": {"Adam": (2, 2), "AdaBelief": (4, 4), "RMSProp": (64, 16)},
    "biggan": {"Adam": (256, 256), "AdaBelief": (512, 512)},
}


def table(rows, contract, *names):
    """Rows of all columns, or of those named, with the types that a figure reads."""
    types = contract.types(*names, floats=True)
    return pd.DataFrame(rows, columns=list(types)).astype(types)


def example_runs(experiment="dcgan", seeds=(0, 1, 2), spread=0.22, fits=None):
    """Records of runs: N(b) of Theorem 3.2 times log-normal noise, stopped at the limit."""
    draw = np.random.default_rng([list(FITS).index(experiment), 1])
    runs = []
    for optimizer, (slope, intercept) in (fits or FITS[experiment]).items():
        for size in SIZES[experiment]:
            results = []
            for seed in seeds:
                speed = intercept - slope / size
                number = np.exp(spread * draw.standard_normal()) / speed if speed > 0 else np.inf
                reached = number <= LIMIT[experiment]
                diverged = not reached and optimizer == "RMSProp" and seed == 0
                status = "reached" if reached else "diverged" if diverged else "step-limit"
                steps = int(GRID[number <= GRID].min()) if reached else None
                last = int(GRID[steps > GRID].max()) if reached else LIMIT[experiment]
                ending = {"steps": steps, "last_miss": last, "final_step": steps or last}
                final = None if diverged else round(7.5 + draw.random(), 2) if reached else 21.3
                results.append({"seed": seed, "status": status, **ending, "final_value": final})
            names = {"experiment": experiment, "optimizer": optimizer, "batch_size": size}
            stop = {"metric": "fid", "at_most": 8.0}
            runs.append({**names, "seeds": list(seeds), "stop": stop, "results": results})
    return runs


def bootstrap_of(steps, resamples=200):
    """bootstrap.csv of a steps.csv: medians of seeds drawn with replacement."""
    draw, rows = np.random.default_rng(2), []
    for names, group in steps.groupby(["experiment", "optimizer", "batch_size"]):
        numbers = group["steps"].astype("float64").fillna(np.inf).to_numpy()
        medians = np.median(draw.choice(numbers, (resamples, len(numbers))), axis=1)
        low, high = np.quantile(medians, [0.025, 0.975], method="nearest")
        cells = [cell if np.isfinite(low) else np.nan for cell in (np.median(numbers), low, high)]
        counts = (len(numbers), np.isfinite(numbers).sum())
        miss = group["bracket_low"].median()
        sfo = [names[2] * cell for cell in cells]
        rows.append((*names, *counts, *cells, miss, False, cells[0], *sfo))
    return table(rows, BOOTSTRAP)


def fit_of(experiment="dcgan", fits=None):
    """censored_fit.csv of the constants."""
    rows = []
    for optimizer, (slope, intercept) in (fits or FITS[experiment]).items():
        pole = slope / intercept
        ends = (2 * pole, 1.5 * pole, 2.7 * pole, pole, 0.75 * pole, 1.35 * pole)
        rows.append((experiment, optimizer, slope, intercept, 0.2, *ends, 0.9, 18, 0, 3, ""))
    return table(rows, CENSORED_FIT)


def speed_of(steps):
    """speed.csv: a step costs a fixed part and a part per image."""
    rows = [
        (*names, 3, 100.0, 1 / (0.0025 + 0.00016 * names[2]), "cpu")
        for names, _ in steps.groupby(["experiment", "optimizer", "batch_size"])
    ]
    return table(rows, SPEED)


def intervals_of(critical):
    """statistics/critical.csv: a factor of two around."""
    rows = [
        (row.experiment, row.optimizer, size, size / 2, size * 2, 0.7, 2000)
        for row in critical.itertuples()
        if pd.notna(size := row.critical_batch_size)
    ]
    return table(rows, CRITICAL_INTERVALS)


def tables_of(experiment="dcgan", **changes):
    """steps, bootstrap, fit, critical of one experiment, each as its file has it."""
    steps = steps_table(example_runs(experiment, **changes))
    return (
        steps,
        bootstrap_of(steps),
        fit_of(experiment, changes.get("fits")),
        critical_table(steps),
    )


def thresholds_of(experiment="dcgan", configured=8.0):
    """threshold.csv: b* doubles as the threshold falls, in the end nobody arrives."""
    rows = []
    for optimizer in FITS[experiment]:
        for k, factor in enumerate((2.5, 2.0, 1.75, 1.5, 1.25, 1.0, 0.9, 0.8, 0.7, 0.6)):
            size = {"Adam": 2.0 ** (1 + k // 3), "AdaBelief": 2.0 ** (k // 2)}.get(optimizer, 4.0)
            edge = "smallest" if size == 1 else "censored" if k == 7 else ""
            if optimizer == "RMSProp" and k > 7:
                size, edge = np.nan, ""
            rows.append((experiment, optimizer, factor * configured, size, size, size, edge, 3, 3))
    return table(rows, THRESHOLD)


def repetitions_of(experiment="dcgan", mean=7.93, sd=0.07, seeds=6):
    """noise/{experiment}.csv of one generator."""
    fids = mean + sd * np.random.default_rng(3).standard_normal(seeds)
    rows = [(experiment, "Adam", 8, 0, 2000, seed, fid) for seed, fid in enumerate(fids)]
    return table(rows, REPETITIONS)


def histories_of_runs(runs):
    """What plot_fid.py reads of all runs: FID falls as a power of steps until the run's end."""
    draw, rows = np.random.default_rng(4), []
    for run in runs:
        for result in run["results"]:
            end = result["final_step"]
            steps = [*GRID[end > GRID], end]
            reached = result["status"] == "reached"
            floor = 0 if reached else 9
            drop = np.log(20) / np.log(max(end / 50, 2))
            fids = floor + 160 * (np.array(steps) / 50) ** -drop
            fids *= np.exp(0.06 * draw.standard_normal(len(steps)))
            if result["status"] == "diverged":
                fids[-1] = np.nan
            names = (run["optimizer"], run["batch_size"], result["seed"])
            rows += [
                (*names, step, step * run["batch_size"], fid, result["status"])
                for step, fid in zip(steps, fids, strict=True)
            ]
    names = ["optimizer", "batch_size", "seed", "step", "samples", "distance", "status"]
    return pd.DataFrame(rows, columns=names).astype({"step": "int64", "samples": "int64"})


def comparison_of(experiments=tuple(FITS)):
    """comparison.csv, measured from `example_runs`."""
    rows = []
    for experiment in experiments:
        steps = steps_table(example_runs(experiment))
        critical = critical_table(steps).set_index("optimizer")
        for optimizer, (slope, intercept) in FITS[experiment].items():
            row = critical.loc[optimizer]
            size = float(row["critical_batch_size"])
            fitted = 2 * slope / intercept
            measured = (size, size / 2, size * 2, row["at_edge"], size, 1.3 * size)
            fit = (fitted, 0.7 * fitted, 1.6 * fitted, 11 * fitted, 45 * fitted)
            names = (experiment, SECTIONS[experiment], optimizer)
            rows.append((*names, *measured, *fit, *PUBLISHED[experiment][optimizer]))
    return table(rows, COMPARISON)


def noise_of(experiments=tuple(FITS)):
    """noise_scale.csv: grows over training; the last one of RMSProp has no estimate."""
    draw, rows = np.random.default_rng(5), []
    for experiment in experiments:
        for optimizer in FITS[experiment]:
            for player, start in (("generator", 10), ("discriminator", 60)):
                for k, step in enumerate((50, 200, 800, 3200)):
                    scale = start * 2**k * np.exp(0.3 * draw.standard_normal())
                    if (optimizer, k) == ("RMSProp", 3):
                        scale = np.nan
                    numbers = (scale, 1.0, scale, 0.6 * scale, 1.7 * scale, 3, scale, scale)
                    rows.append((experiment, optimizer, player, step, *numbers))
    return table(rows, NOISE_SCALE)


def learning_rates_example():
    """learning_rates.csv: three rates, proportional but for noise."""
    rows = []
    for optimizer, size in (("Adam", 4.0), ("AdaBelief", 2.0), ("RMSProp", 4.0)):
        for k, rate in enumerate((0.001, 0.002, 0.004)):
            measured = size * 2.0 ** (k - 1)
            if (optimizer, k) == ("RMSProp", 2):
                measured = np.nan
            interval = (measured, measured / 2, measured * 2)
            fitted = 1.2 * size * 2.0 ** (k - 1)
            name = ("low", "middle", "high")[k]
            rows.append((name, optimizer, rate, *interval, fitted, 0.8 * fitted, 1.5 * fitted))
    return table(rows, LEARNING_RATES)


def pictures(count=32, size=16, channels=1, seed=6):
    """uint8 [count, size, size, channels] of smooth blobs."""
    draw = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] / size
    centres = draw.uniform(0.3, 0.7, (count, 2, 1, 1))
    blob = np.exp(-(((x - centres[:, 0]) ** 2) + (y - centres[:, 1]) ** 2) / 0.03)
    return (255 * blob[..., None]).astype(np.uint8).repeat(channels, axis=-1)


def medians_of(steps):
    """Finite medians of steps.csv, as a figure should draw them."""
    medians = median_sfo(steps)
    return medians[np.isfinite(medians["median_steps"])]


def example_tables():
    """An example of every table that figures are drawn from, by its name in the registry."""
    steps, bootstrap, fit, critical = tables_of()
    return {
        "steps": steps,
        "critical": critical,
        "speed": speed_of(steps),
        "bootstrap": bootstrap,
        "intervals": intervals_of(critical),
        "thresholds": thresholds_of(),
        "fit": fit,
        "repetitions": repetitions_of(),
        "comparison": comparison_of(),
        "noise_scale": noise_of(),
        "learning_rates": learning_rates_example(),
    }


def final_images():
    """How the first seed of every run ended, and what there is to see of it."""
    runs = sorted(example_runs(), key=lambda run: (run["optimizer"], run["batch_size"]))
    keys = ["seed", "status", "final_step", "final_value"]
    finals = pd.DataFrame([{**run, **run["results"][0]} for run in runs])
    finals = finals[["optimizer", "batch_size", *keys]].astype({"final_value": "float64"})
    finals["sheet"] = [Path(f"{row}.png") for row in finals.index]
    sizes = tables_of()[3].set_index("optimizer")["critical_batch_size"].astype("float64")
    return FinalImages(pictures(), finals, sizes, lambda sheet: pictures(seed=int(sheet.stem)))


def example_inputs():
    """Group of figures -> what the function `draw` of their modules gets."""
    label = Label("4.1 DCGAN on Fashion-MNIST", "classifier-FID", 8.0)
    tables = example_tables()
    return {
        "curves": (tables, label),
        "fid": (histories_of_runs(example_runs()), label),
        "samples": (final_images(), label),
        "comparison": (tables,),
        "learning_rates": (tables,),
    }
