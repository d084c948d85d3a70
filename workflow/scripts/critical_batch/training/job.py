"""A training job as a value: everything that decides what it computes, besides its files.

It is made from the configuration in one place, travels as JSON to the process that trains, and is
used as it is down to the step. Needs neither torch nor pydantic.

Some of its fields are settings of a registry's entry: `networks`, `objective`, `hyper` and those of
each of `metrics`. They become typed where they are used: see `networks.kinds.networks_of`,
`objectives.build`, `optimizers.optimizer_of` and `metrics`.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import NoneType
from typing import Any, Self, get_args, get_origin, get_type_hints

from ..metrics.features.settings import FeatureSettings
from ..runtime.errors import UserError
from .grid import Grid, Limits, LogGrid


@dataclass(frozen=True)
class Compute:
    """How networks compute: the configuration's section `compute`.

    precision: fp32, tf32 or bf16. batch_norm_over: device or all, which matters with several
    processes only.
    """

    precision: str = "fp32"
    channels_last: bool = False
    compile: bool = False
    batch_norm_over: str = "device"


@dataclass(frozen=True)
class Ema:
    """Moving average of the generator: decay in [0, 1), a copy of it before `start_step`."""

    decay: float
    start_step: int = 0


@dataclass(frozen=True)
class FirstLook:
    """An evaluation of few samples that stands where it is above factor x stop.at_most."""

    samples: int
    factor: float


@dataclass(frozen=True)
class Fid:
    """How generators are evaluated, by the FID and by the other metrics, and when.

    samples: generated images of an evaluation. pixel_map: fixed or stretch.
    """

    features: str
    samples: int
    pixel_map: str
    grid: Grid
    first_look: FirstLook | None = None
    resize: str | None = None
    weights: str | None = None

    @property
    def network(self) -> FeatureSettings:
        """The feature network whose features are compared."""
        return FeatureSettings(self.features, self.resize, self.weights)


@dataclass(frozen=True)
class Stop:
    """What ends the training of a seed: the distance by a metric, at most so large."""

    metric: str
    at_most: float


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What a training does at every step, whenever it ends.

    networks, objective: settings of an entry of their registry, `kind` among them. optimizer: the
    name of an entry; hyper: its hyper-parameters. discriminator_steps: per generator step.
    latent_reuse: whether the generator's update uses the samples of the discriminator's. labels:
    the classes of generated images, data or uniform. micro_batches: parts of equal size in which
    a batch passes the networks. seeds: each is a repetition; they train together.
    """

    experiment: str
    networks: Mapping[str, Any]
    objective: Mapping[str, Any]
    optimizer: str
    generator_rate: float
    discriminator_rate: float
    hyper: Mapping[str, float]
    batch_size: int
    seeds: tuple[int, ...]
    discriminator_steps: int = 1
    latent_reuse: bool = True
    labels: str = "data"
    micro_batches: int = 1
    ema: Ema | None = None
    compute: Compute = Compute()

    @property
    def latent(self) -> int:
        """Dimension of the generator's input."""
        return self.networks["latent"]

    @property
    def name(self) -> str:
        """The job in a log: experiment, optimizer and batch size."""
        return f"{self.experiment} {self.optimizer} b={self.batch_size}"

    def to_json(self) -> dict[str, Any]:
        """As JSON values; `from_json` gives an equal job."""
        return _plain(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """From what `to_json` gave; raises UserError where a key is missing or is not known."""
        return _typed(cls, values, ())


@dataclass(frozen=True, kw_only=True)
class TrainingJob(Recipe):
    """One training job: a recipe, when its seeds end, and how many processes share it.

    metrics: what is evaluated besides the FID, by name, with settings of the registry's entry.
    """

    limits: Limits
    fid: Fid
    stop: Stop
    metrics: Mapping[str, Any] = field(default_factory=dict)
    processes: int = 1

    @property
    def metric_settings(self) -> dict[str, Mapping[str, Any]]:
        """Every metric that is evaluated, with its settings: that of `stop` comes first."""
        return all_metrics(self.stop, self.metrics)

    @property
    def last_step(self) -> int:
        """The step at which seeds end that have not reached the threshold."""
        return self.limits.last_step(self.batch_size)

    @property
    def evaluation_steps(self) -> list[int]:
        """The steps at which generators are evaluated; the last is `last_step`."""
        return self.fid.grid.steps(self.last_step)


@dataclass(frozen=True)
class NoiseSettings:
    """What measuring an experiment's gradient noise depends on.

    steps: increasing, of the training after which it is measured. batches: per measurement. jobs:
    the training of each optimizer, all seeds together.
    """

    steps: tuple[int, ...]
    batches: int
    jobs: tuple[Recipe, ...]

    def to_json(self) -> dict[str, Any]:
        """As JSON values; `from_json` gives equal settings."""
        return _plain(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """From what `to_json` gave; raises UserError as `Recipe.from_json` does."""
        return _typed(cls, values, ())


def all_metrics(
    stop: Stop, further: Mapping[str, Mapping[str, Any]]
) -> dict[str, Mapping[str, Any]]:
    """Metric -> its settings, of all that are evaluated: the one that ends training, then the rest.

    further: those besides the FID, which is always there.
    """
    settings = {"fid": {}, **further}
    return {stop.metric: settings.pop(stop.metric), **settings}


def entries_of(*jobs: TrainingJob) -> dict[str, set[str]]:
    """Registry -> the entries that these jobs and their evaluation use, for
    `registries.code_digest`."""
    return {
        "optimizers": {job.optimizer for job in jobs},
        "networks.kinds": {job.networks["kind"] for job in jobs},
        "objectives": {job.objective["kind"] for job in jobs},
        "metrics.features.kinds": {job.fid.features for job in jobs},
        "metrics.kinds": {metric for job in jobs for metric in job.metric_settings},
    }


def _plain(value: Any) -> Any:
    """A value of a job as JSON has it."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    fields = value if isinstance(value, Mapping) else vars(value)
    return {key: _plain(each) for key, each in fields.items()}


def _typed(kind: Any, value: Any, path: tuple[str, ...]) -> Any:
    """A value read from JSON as what the annotation of its field says."""
    if value is not None and NoneType in get_args(kind):
        (kind,) = (each for each in get_args(kind) if each is not NoneType)
    if kind is Grid and isinstance(value, Mapping):
        kind = next((each for each in get_args(Grid) if each.kind == value.get("kind")), LogGrid)
    if dataclasses.is_dataclass(kind) and value is not None:
        return kind(**_fields(kind, value, path))
    if get_origin(kind) is tuple:
        return tuple(_typed(get_args(kind)[0], each, path) for each in value)
    return value


def _fields(kind: type, values: Any, path: tuple[str, ...]) -> dict[str, Any]:
    """The fields of a dataclass from a JSON object at `path` of the job."""
    if not isinstance(values, Mapping):
        raise UserError(f"job: {'.'.join(path)} is {values!r}: use an object")
    types, fields = get_type_hints(kind), {each.name: each for each in dataclasses.fields(kind)}
    for key in values.keys() - fields:
        raise UserError(f"job: {'.'.join((*path, key))} is not known: remove it")
    for name, each in fields.items():
        required = each.default is each.default_factory is dataclasses.MISSING
        if required and name not in values:
            raise UserError(f"job: {'.'.join((*path, name))} is missing: add it")
    return {key: _typed(types[key], value, (*path, key)) for key, value in values.items()}
