"""The configuration's section `experiments`: one of them, as written and as it is read."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from ..metrics import label
from ..networks.kinds import ARCHITECTURES
from ..objectives import OBJECTIVES
from ..registries.chosen import Chosen, chosen
from ..training.grid import Limits
from ..training.job import Ema, Fid, Stop, all_metrics
from .fid import Evaluation, FidSection
from .inception import Inception
from .limits import LimitsSection
from .noise_probe import NoiseProbe, NoiseProbeSection
from .optimizers import OptimizerSection, OptimizerSettings
from .problems import Problem
from .ratio import Ratio
from .section import BatchSizes, Decay, Line, Section, without_default
from .stop import MetricsSection, StopSection, metrics_for_job

if TYPE_CHECKING:
    from .config import Config

MOST_JOBS = 10_000
LONGEST_FOLDER_NAME = 200  # file systems allow 255 bytes


class EmaSection(Section):
    decay: Decay = Field(description="Weight of the old average in a step, in [0, 1)")
    start_step: int = Field(
        0,
        ge=0,
        le=1_000_000_000,
        description="Step before which the average is a copy of the generator",
    )

    def for_job(self) -> Ema:
        """As a training job carries it."""
        return Ema(self.decay, self.start_step)


class ExperimentSection(Section):
    section: Line = Field(description='The paper\'s section in quotes, such as "4.1"')
    title: Line = Field(description="Title in figures and tables")
    dataset: str = Field(description="The name of one of datasets")
    networks: dict[str, Any] = Field(description="Generator and discriminator")
    objective: dict[str, Any] = Field(description="What the two players minimise")
    discriminator_steps: int = Field(
        1,
        ge=1,
        le=100,
        description="Discriminator steps per generator step (paper 1, textbook Wasserstein GAN 5)",
    )
    latent_reuse: bool = Field(
        True,
        description="Whether the generator's step uses the latents of the discriminator's step",
    )
    labels: Literal["data", "uniform"] = Field(
        "data",
        description="Which classes generated images are of, in training and in evaluations, data "
        "(each as often as in the data set) or uniform (all equally often, as in the authors' "
        "BigGAN)",
    )
    micro_batches: int = Field(
        1,
        ge=1,
        le=65_536,
        description="Parts of equal size over which an update accumulates its gradient (BigGAN of "
        "the paper 8); BatchNorm sees one part at a time",
    )
    processes: int = Field(
        1,
        ge=1,
        le=64,
        description="Processes that train a job together, one per GPU; each takes its part of "
        "every batch",
    )
    ema: EmaSection | None = Field(
        None,
        description="Moving average of the generator, buffers included, which is evaluated and "
        "kept in place of the generator itself (BigGAN of the paper: decay 0.9999, start_step "
        "20000); null for none",
    )
    seeds: tuple[Annotated[int, Field(ge=0, le=2_147_483_647)], ...] = Field(
        min_length=1,
        max_length=1000,
        description="A list of seeds; each is an independent repetition",
        json_schema_extra={"uniqueItems": True},
    )
    seeds_per_job: int | None = Field(
        None,
        ge=1,
        le=1000,
        description="Seeds trained together in one job (null puts all of them in one)",
    )
    limits: LimitsSection = Field(description="When a run stops without reaching the threshold")
    fid: FidSection = Field(description="How and when generators are evaluated, with the FID")
    metrics: MetricsSection = Field(
        {},
        description="What is measured besides the FID, on the same features",
        json_schema_extra={"default": {}},
    )
    stop: StopSection | SkipJsonSchema[None] = Field(
        None,
        description="When training is done; fid.threshold is short for it with the metric fid",
        json_schema_extra=without_default,
    )
    evaluation: Evaluation = Field(
        Evaluation(), description="The independent evaluation of the final generators"
    )
    noise_probe: NoiseProbeSection = Field(
        NoiseProbeSection(),
        description="The short training on which the noise of the gradients is measured",
    )
    batch_sizes: BatchSizes = Field(description="A list of batch sizes to train with")
    optimizers: dict[str, OptimizerSection] = Field(
        min_length=1, description="Optimizers by name, from the registry"
    )
    ratio: Ratio = Field(
        description="The measurement that the ratio r of Proposition 3.4 is calculated from"
    )


class Experiment(ExperimentSection):
    """An experiment as everything else reads it: with what null and other sections stand for.

    networks, objective: entries of registries with their typed settings. limits, ema, fid, metrics,
    stop: as a training job carries them. What is not named here is as it is written.
    """

    name: str
    networks: Chosen
    objective: Chosen
    ema: Ema | None
    seeds_per_job: int
    limits: Limits
    fid: Fid
    metrics: dict[str, dict[str, Any]]
    stop: Stop
    noise_probe: NoiseProbe
    optimizers: dict[str, OptimizerSettings]

    @classmethod
    def of(cls, name: str, section: ExperimentSection, inception: Inception | None) -> Self:
        """The experiment that a section of the configuration stands for."""
        limits, batch_sizes = section.limits.for_job(), section.batch_sizes
        path = f"experiments.{name}"
        resolved = {
            "name": name,
            "networks": chosen(ARCHITECTURES, section.networks, f"{path}.networks"),
            "objective": chosen(OBJECTIVES, section.objective, f"{path}.objective"),
            "ema": section.ema and section.ema.for_job(),
            "seeds_per_job": section.seeds_per_job or len(section.seeds),
            "limits": limits,
            "fid": section.fid.for_job(inception),
            "metrics": metrics_for_job(section.metrics),
            "stop": section.stop.for_job() if section.stop else Stop("fid", section.fid.threshold),
            "noise_probe": section.noise_probe.resolved(batch_sizes, limits),
            "optimizers": {
                optimizer: each.resolved(optimizer, batch_sizes)
                for optimizer, each in section.optimizers.items()
            },
        }
        return cls(**{**dict(section), **resolved})

    @property
    def feature_key(self) -> str:
        """Names what becomes of an image: `classifier` or, with a resize, `inception-clean`."""
        return "-".join(filter(None, (self.fid.features, self.fid.resize)))

    @property
    def reference_keys(self) -> dict[str, str]:
        """Metric -> the name of a data set's reference statistics, such as `classifier-fixed` or
        `classifier-fixed.kid`; the one that ends training first, as in a training job."""
        key = f"{self.feature_key}-{self.fid.pixel_map}"
        names = all_metrics(self.stop, self.metrics)
        return {name: key if name == "fid" else f"{key}.{name}" for name in names}

    @property
    def metric(self) -> str:
        """What the distance that ends training is called in tables and on axes."""
        return label(self.stop.metric, self.fid.network)

    @property
    def seed_groups(self) -> list[tuple[int, ...]]:
        """The seeds in order, seeds_per_job at a time; the last group may be smaller."""
        size = self.seeds_per_job
        return [self.seeds[i : i + size] for i in range(0, len(self.seeds), size)]


def jobs_within_limits(config: "Config") -> Iterator[Problem]:
    """Counted, not listed: four short lists can stand for more jobs than memory holds."""
    total = 0
    for name, experiment in config.experiments.items():
        groups = -(-len(experiment.seeds) // experiment.seeds_per_job)
        sizes = sum(len(settings.batch_sizes) for settings in experiment.optimizers.values())
        total += groups * sizes
        if total > MOST_JOBS:
            yield (
                ["experiments", name],
                f"brings the training jobs to {total}: use at most {MOST_JOBS} in one "
                "configuration, with fewer batch sizes or seeds, or more seeds_per_job",
            )


def micro_batches_of_equal_size(config: "Config") -> Iterator[Problem]:
    for name, experiment in config.experiments.items():
        parts, path = experiment.micro_batches, ["experiments", name, "micro_batches"]
        if parts > 1 and experiment.latent_reuse:
            yield (
                path,
                f"is {parts}, with which generated images cannot be kept: set latent_reuse: false",
            )
        sizes = {b for run in experiment.optimizers.values() for b in run.batch_sizes}
        for batch_size in sorted(sizes):
            if batch_size % parts:
                yield (
                    path,
                    f"is {parts}, which does not divide batch size {batch_size}: use a divisor",
                )
            if batch_size // parts % experiment.processes:
                yield (
                    ["experiments", name, "processes"],
                    f"is {experiment.processes}, which does not divide a part of batch size "
                    f"{batch_size}: use a divisor",
                )


def folder_names_within_limits(config: "Config") -> Iterator[Problem]:
    for run in config.runs():
        if len(run.folder_name) > LONGEST_FOLDER_NAME:
            yield (
                ["experiments", run.experiment, "seeds_per_job"],
                f"puts {len(run.seeds)} seeds in one job, too many for the name of its folder: "
                "use at most 16",
            )
