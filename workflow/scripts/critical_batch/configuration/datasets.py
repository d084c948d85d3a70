"""The configuration's section `datasets`: the keys of each kind are those that its entry brings."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from ..data.kinds import DATASET_KINDS, DatasetKind
from ..data.settings import DatasetSettings
from ..data.shape import ImageShape
from ..metrics.features.kinds import FEATURE_NETWORKS as FEATURES
from ..networks.kinds import ARCHITECTURES
from ..registries.chosen import Chosen, chosen
from .problems import Problem, shown

if TYPE_CHECKING:
    from .config import Config


@dataclass(frozen=True)
class Dataset:
    """One data set: its name, and its kind with the settings that it has in the configuration."""

    name: str
    choice: Chosen[DatasetKind]

    @classmethod
    def of(cls, name: str, section: Mapping[str, Any]) -> Self:
        """The data set that a section of the configuration, already checked, stands for."""
        return cls(name, chosen(DATASET_KINDS, section, f"datasets.{name}"))

    @property
    def kind(self) -> str:
        return self.choice.kind

    @property
    def entry(self) -> DatasetKind:
        """What is known of its kind."""
        return self.choice.entry

    @property
    def settings(self) -> DatasetSettings:
        return self.choice.settings

    @property
    def root(self) -> str | None:
        """The folder of raw files; None where the data come with a package."""
        return self.settings.root

    @property
    def image_size(self) -> int:
        return self.settings.image_size

    @property
    def channels(self) -> int:
        """1 (grey) or 3 (RGB)."""
        return self.settings.channels

    @property
    def has_labels(self) -> bool:
        """Whether images have classes."""
        return self.settings.has_labels

    @property
    def images(self) -> int | None:
        """How many images it must have; None where any number will do."""
        return self.settings.images

    @property
    def shape(self) -> ImageShape:
        """Of its images; how many classes they have is a guess before they are prepared."""
        return ImageShape(self.image_size, self.channels, self.settings.classes)

    def to_json(self) -> dict[str, Any]:
        """What preparing it depends on: its name and the keys that stand for something."""
        return {"name": self.name, **self.choice.to_json()}


def known_data_sets(config: "Config") -> Iterator[Problem]:
    for name, experiment in config.experiments.items():
        if experiment.dataset not in config.datasets:
            yield (
                ["experiments", name, "dataset"],
                f"is {shown(experiment.dataset)}, not a data set: "
                f"use one of {', '.join(config.datasets)}",
            )


def labels_where_needed(config: "Config") -> Iterator[Problem]:
    for name, experiment in config.experiments.items():
        dataset = config.datasets[experiment.dataset]
        if dataset.has_labels:
            continue
        change = "use a data set with labels"
        if dataset.entry.labelled_by:
            key, value = dataset.entry.labelled_by
            change = f"set datasets.{dataset.name}.{key} to {value}"
        remedy = f"needs labels, which {dataset.name} has not: {change}"
        kind = experiment.networks.kind
        if ARCHITECTURES[kind].needs_labels:
            yield ["experiments", name, "networks", "kind"], f"is {kind}, which {remedy}"
        features = experiment.fid.features
        if FEATURES[features].needs_labels:
            yield ["experiments", name, "fid", "features"], f"is {features}, which {remedy}"
