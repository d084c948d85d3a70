"""The configuration: from a mapping as read from YAML to typed, checked experiments and runs.

Shapes, ranges and defaults are those of `workflow/schemas/config.schema.yaml`; what a schema cannot
say is checked in `config_checks.py`. Needs neither torch nor Snakemake.
"""

import copy
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .config_checks import UNLABELLED, domain_problems
from .config_schema import dotted, filled
from .data.raw import RAW_FILES
from .data.sources import PUBLISHED
from .errors import UserError
from .files import found
from .runs.layout import Run
from .training.grid import step_limit

NOISE_SHARES = (300, 90, 30)
"""The gradient noise is measured after a run's steps divided by these, unless said otherwise."""

METRICS = {"classifier": "classifier-FID", "inception": "FID"}
"""Feature network -> what its distance is called."""


@dataclass(frozen=True)
class Dataset:
    """One data set: settings holds the keys of its kind with defaults filled in."""

    name: str
    settings: dict[str, Any]

    @property
    def kind(self) -> str:
        return self.settings["kind"]

    @property
    def root(self) -> str | None:
        """The folder of raw files; None where the data come with a package."""
        return self.settings.get("root")

    @property
    def image_size(self) -> int:
        return self.settings["image_size"]

    @property
    def channels(self) -> int:
        """1 (grey, the built-in kinds) or 3 (RGB, the paper's kinds)."""
        return self.settings.get("channels", 3 if self.kind in PUBLISHED else 1)

    @property
    def has_labels(self) -> bool:
        """Whether images have classes: lsun and celeba have none, folders where labels: folders."""
        return self.kind not in UNLABELLED and self.settings.get("labels") != "none"


@dataclass(frozen=True)
class OptimizerSettings:
    """One optimizer of an experiment: rates, all its hyper-parameters, its own batch sizes."""

    generator_rate: float
    discriminator_rate: float
    hyper: dict[str, float]
    batch_sizes: tuple[int, ...]


@dataclass(frozen=True)
class Experiment:
    """One experiment; the dicts are sections of the schema with defaults filled in."""

    name: str
    section: str
    title: str
    dataset: str
    networks: dict[str, Any]
    objective: dict[str, Any]
    discriminator_steps: int
    latent_reuse: bool
    labels: str
    micro_batches: int
    processes: int
    ema: dict[str, Any] | None
    seeds: tuple[int, ...]
    seeds_per_job: int
    limits: dict[str, int | None]
    fid: dict[str, Any]
    evaluation: dict[str, int]
    noise_probe: dict[str, Any]
    batch_sizes: tuple[int, ...]
    optimizers: dict[str, OptimizerSettings]
    ratio: dict[str, str]

    @property
    def feature_key(self) -> str:
        """Names what becomes of an image: `classifier` or, with a resize, `inception-clean`."""
        return "-".join(self.fid[key] for key in ("features", "resize") if key in self.fid)

    @property
    def fid_key(self) -> str:
        """Names the reference statistics of a data set, such as `classifier-fixed`."""
        return f"{self.feature_key}-{self.fid['pixel_map']}"

    @property
    def feature_settings(self) -> dict[str, str]:
        """What loading the feature network depends on besides its file, JSON-serialisable.

        For inception also resize and weights: `random`, or the SHA-256 of the file.
        """
        return {key: self.fid[key] for key in ("features", "resize", "weights") if key in self.fid}

    @property
    def metric(self) -> str:
        """What the distance is called in tables and on axes."""
        random = " (random weights)" if self.fid.get("weights") == "random" else ""
        return METRICS[self.fid["features"]] + random

    @property
    def seed_groups(self) -> list[tuple[int, ...]]:
        """The seeds in order, seeds_per_job at a time; the last group may be smaller."""
        size = self.seeds_per_job
        return [self.seeds[i : i + size] for i in range(0, len(self.seeds), size)]


@dataclass(frozen=True)
class Config:
    """The checked configuration, in the order of the file.

    device: cpu or cuda. compute: precision, channels_last, compile. inception: weights (a path,
    `random`, or None for the published file) and sha256; None where the block is missing.
    """

    datasets: dict[str, Dataset]
    experiments: dict[str, Experiment]
    device: str
    compute: dict[str, Any]
    inception: dict[str, str | None] | None

    def runs(self) -> list[Run]:
        """Every training job: experiment x optimizer x batch size x group of seeds."""
        return [
            Run(name, optimizer, batch_size, seeds)
            for name, experiment in self.experiments.items()
            for optimizer, settings in experiment.optimizers.items()
            for batch_size in settings.batch_sizes
            for seeds in experiment.seed_groups
        ]

    def dataset_settings(self, name: str) -> dict[str, Any]:
        """What preparing one data set depends on, JSON-serialisable."""
        return {"name": name, **copy.deepcopy(self.datasets[name].settings)}

    def training_settings(self, run: Run) -> dict[str, Any]:
        """What one training job depends on besides its input files, JSON-serialisable.

        Nothing more is in it, so that an edit elsewhere in the configuration reruns nothing.
        """
        experiment = self.experiments[run.experiment]
        return {
            "experiment": experiment.name,
            "networks": copy.deepcopy(experiment.networks),
            "objective": copy.deepcopy(experiment.objective),
            "discriminator_steps": experiment.discriminator_steps,
            "latent_reuse": experiment.latent_reuse,
            "labels": experiment.labels,
            "micro_batches": experiment.micro_batches,
            "processes": experiment.processes,
            "ema": copy.deepcopy(experiment.ema),
            "compute": dict(self.compute),
            "limits": copy.deepcopy(experiment.limits),
            "fid": copy.deepcopy(experiment.fid),
            "batch_size": run.batch_size,
            "seeds": list(run.seeds),
            "optimizer": run.optimizer,
            **_rates_and_hyper(experiment.optimizers[run.optimizer]),
        }

    def noise_settings(self, name: str) -> dict[str, Any]:
        """What measuring an experiment's gradient noise depends on, JSON-serialisable.

        {steps, batches, jobs}: jobs holds one training job's settings per optimizer, all seeds
        together at the probe's batch size, without what decides when training ends.
        """
        experiment = self.experiments[name]
        plan, unused = experiment.noise_probe, ("limits", "fid", "processes")
        jobs = [
            self.training_settings(Run(name, optimizer, plan["batch_size"], experiment.seeds))
            for optimizer in experiment.optimizers
        ]
        return {
            "steps": plan["steps"],
            "batches": plan["batches"],
            "jobs": [{key: job[key] for key in job if key not in unused} for job in jobs],
        }

    def experiment_records(self) -> list[dict[str, Any]]:
        """What the theory needs of every experiment, JSON-serialisable."""
        return [
            {
                "name": experiment.name,
                "section": experiment.section,
                "title": experiment.title,
                "features": experiment.fid["features"],
                "ratio": dict(experiment.ratio),
                "optimizers": {
                    name: {
                        **_rates_and_hyper(settings),
                        "batch_sizes": list(settings.batch_sizes),
                    }
                    for name, settings in experiment.optimizers.items()
                },
            }
            for experiment in self.experiments.values()
        ]


def load(
    config: Mapping[str, Any],
    typed: Mapping[str, Any] | None = None,
    *,
    home: str | Path = ".",
) -> Config:
    """The checked configuration with defaults filled in; `config` itself is not changed.

    typed: the part of it that was typed on a command line, where numbers are still text. home: the
    folder of the workflow, where its own raw data (kinds of `RAW_FILES`) are looked for if the
    working directory has not their root.

    Raises UserError on the first problem: one line with the key's path and the remedy.
    """
    settings = filled(config, typed)
    inception = settings.get("inception")
    for section, key in (
        *((each, "root") for each in settings["datasets"].values()),
        (inception or {}, "weights"),
    ):
        if section.get(key):
            section[key] = expanded(section[key])
    for keys in settings["datasets"].values():
        if keys["kind"] in RAW_FILES:
            keys["root"] = found(keys["root"], home)
    loaded = Config(
        datasets={name: Dataset(name, keys) for name, keys in settings["datasets"].items()},
        experiments={
            name: _experiment(name, keys, inception)
            for name, keys in settings["experiments"].items()
        },
        device=settings["device"],
        compute=settings["compute"],
        inception=inception,
    )
    for path, message in domain_problems(loaded):
        raise UserError(f"config: {dotted(path)} {message}")
    return loaded


def expanded(path: str) -> str:
    """A path with `~`, `$NAME` and `${NAME}` replaced, unless it is there as it is written.

    What stands for nothing, such as a variable that is not set, stays.
    """
    return path if os.path.lexists(path) else os.path.expandvars(os.path.expanduser(path))


def _experiment(name: str, keys: dict[str, Any], inception: dict | None) -> Experiment:
    batch_sizes = tuple(keys["batch_sizes"])
    return Experiment(
        **{
            **keys,
            "name": name,
            "seeds": tuple(keys["seeds"]),
            "seeds_per_job": keys["seeds_per_job"] or len(keys["seeds"]),
            "batch_sizes": batch_sizes,
            "fid": _fid(keys["fid"], inception),
            "noise_probe": _noise_probe(keys),
            "optimizers": {
                optimizer: _optimizer(settings, batch_sizes)
                for optimizer, settings in keys["optimizers"].items()
            },
        }
    )


def _fid(keys: dict[str, Any], inception: dict | None) -> dict[str, Any]:
    """With inception, also which weights: `random`, or the SHA-256 that their file must have."""
    if keys["features"] != "inception" or inception is None:
        return keys
    random = inception["weights"] == "random"
    weights = "random" if random else inception["sha256"].lower()
    return {"resize": "pytorch_fid", **keys, "weights": weights}


def _noise_probe(keys: dict[str, Any]) -> dict[str, Any]:
    """With the steps and the batch size that null stands for."""
    settings = dict(keys["noise_probe"])
    if settings["batch_size"] is None:
        batch_sizes = sorted(keys["batch_sizes"])
        settings["batch_size"] = batch_sizes[(len(batch_sizes) - 1) // 2]
    if settings["steps"] is None:
        limit = step_limit(keys["limits"], settings["batch_size"])
        settings["steps"] = {max(1, limit // share) for share in NOISE_SHARES}
    return settings | {"steps": sorted(settings["steps"])}


def _optimizer(keys: dict[str, Any], batch_sizes: tuple[int, ...]) -> OptimizerSettings:
    hyper = dict(keys)
    return OptimizerSettings(
        generator_rate=float(hyper.pop("generator_rate")),
        discriminator_rate=float(hyper.pop("discriminator_rate")),
        batch_sizes=tuple(hyper.pop("batch_sizes", batch_sizes)),
        hyper={key: float(value) for key, value in hyper.items()},
    )


def _rates_and_hyper(settings: OptimizerSettings) -> dict[str, Any]:
    return {
        "generator_rate": settings.generator_rate,
        "discriminator_rate": settings.discriminator_rate,
        "hyper": dict(settings.hyper),
    }
