"""The whole configuration, as written and as it is read; jobs are made from it here alone."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Self

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from ..runs.layout import Run
from ..training.job import Compute, NoiseSettings, Recipe, TrainingJob
from .compute import ComputeSection
from .datasets import Dataset
from .experiment import Experiment, ExperimentSection
from .inception import Inception
from .section import Name, Section, without_default

SWITCHES = [
    each.name
    for each in dataclasses.fields(Recipe)
    if each.default is not dataclasses.MISSING and each.name in Experiment.model_fields
]
"""Fields with a default that an experiment hands on to its recipe under the same name."""


class ConfigSection(Section):
    """Experiments on the critical batch size of GAN training."""

    device: Literal["cpu", "cuda"] = Field(
        "cpu", description="Where networks train and are evaluated"
    )
    compute: ComputeSection = Field(
        ComputeSection(),
        description="How networks compute; the defaults are the reference, the rest trades for "
        "speed",
    )
    inception: Inception | SkipJsonSchema[None] = Field(
        None,
        description="The weights of the Inception network, needed where fid.features is inception",
        json_schema_extra=without_default,
    )
    datasets: dict[Name, dict[str, Any]] = Field(
        min_length=1, description="Data sets by name; a name becomes a folder."
    )
    experiments: dict[Name, ExperimentSection] = Field(
        min_length=1, description="Experiments by name; a name becomes a folder."
    )


@dataclass(frozen=True)
class Config:
    """The checked configuration, in the order of the file.

    device: cpu or cuda. inception: None where the block is missing.
    """

    datasets: Mapping[str, Dataset]
    experiments: Mapping[str, Experiment]
    device: str
    compute: Compute
    inception: Inception | None

    @classmethod
    def of(cls, section: ConfigSection) -> Self:
        """The configuration that a file's content stands for."""
        return cls(
            datasets={name: Dataset.of(name, each) for name, each in section.datasets.items()},
            experiments={
                name: Experiment.of(name, each, section.inception)
                for name, each in section.experiments.items()
            },
            device=section.device,
            compute=section.compute.for_job(),
            inception=section.inception,
        )

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
        return self.datasets[name].to_json()

    def training_job(self, run: Run) -> TrainingJob:
        """What one training job depends on besides its input files.

        Nothing more is in it, so that an edit elsewhere in the configuration reruns nothing.
        """
        experiment = self.experiments[run.experiment]
        return TrainingJob(
            **self._recipe(run),
            limits=experiment.limits,
            fid=experiment.fid,
            stop=experiment.stop,
            metrics=experiment.metrics,
            processes=experiment.processes,
        )

    def noise_settings(self, name: str) -> NoiseSettings:
        """What measuring an experiment's gradient noise depends on.

        One training of all seeds per optimizer, at the probe's batch size.
        """
        experiment = self.experiments[name]
        probe = experiment.noise_probe
        runs = [
            Run(name, optimizer, probe.batch_size, experiment.seeds)
            for optimizer in experiment.optimizers
        ]
        jobs = tuple(Recipe(**self._recipe(run)) for run in runs)
        return NoiseSettings(probe.steps, probe.batches, jobs)

    def _recipe(self, run: Run) -> dict[str, Any]:
        """The fields of the recipe that a run trains by."""
        shared = self._recipes[run.experiment, run.optimizer]
        return {**shared, "batch_size": run.batch_size, "seeds": run.seeds}

    @cached_property
    def _recipes(self) -> dict[tuple[str, str], dict[str, Any]]:
        """By experiment and optimizer what all its runs share; a plan has thousands of runs."""
        return {
            (experiment.name, optimizer): {
                "experiment": experiment.name,
                "networks": experiment.networks.to_json(),
                "objective": experiment.objective.to_json(),
                "optimizer": optimizer,
                **settings.rates_and_hyper(),
                **{name: getattr(experiment, name) for name in SWITCHES},
                "compute": self.compute,
            }
            for experiment in self.experiments.values()
            for optimizer, settings in experiment.optimizers.items()
        }

    def experiment_records(self) -> list[dict[str, Any]]:
        """What the theory needs of every experiment, JSON-serialisable."""
        return [
            {
                "name": experiment.name,
                "section": experiment.section,
                "title": experiment.title,
                "features": experiment.fid.features,
                "ratio": experiment.ratio.model_dump(),
                "optimizers": {
                    name: {**each.rates_and_hyper(), "batch_sizes": list(each.batch_sizes)}
                    for name, each in experiment.optimizers.items()
                },
            }
            for experiment in self.experiments.values()
        ]
