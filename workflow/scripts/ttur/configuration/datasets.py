"""The configuration's section `datasets`: the keys of each kind are those that its entry brings."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Self

from ..data.kinds import KINDS
from ..data.settings import DatasetSettings
from ..data.shape import ImageShape
from ..features.kinds import NETWORKS as FEATURES
from ..network_kinds import NETWORKS
from ..settings import read
from .entry_sections import Schema, section_by_kind
from .problems import Problem, shown
from .section import NAME

if TYPE_CHECKING:
    from .config import Config


def datasets_schema(builtin: bool = False) -> Schema:
    """Pattern of names -> the section of one data set, of any kind or of a built-in one."""
    names = KINDS.builtin() if builtin else KINDS
    names = sorted(names, key=lambda name: KINDS[name].place)
    kinds = {name: KINDS[name] for name in names}
    return {NAME: section_by_kind("Where the images come from", kinds)}


@dataclass(frozen=True)
class Dataset:
    """One data set. written: the keys of its settings that it has in the configuration."""

    name: str
    kind: str
    settings: DatasetSettings
    written: frozenset[str]

    @classmethod
    def of(cls, name: str, section: Mapping[str, Any]) -> Self:
        """The data set that a section of the configuration, already checked, stands for."""
        keys = {key: section[key] for key in section if key != "kind"}
        settings = read(KINDS[section["kind"]].settings, keys, f"datasets.{name}")
        return cls(name, section["kind"], settings, frozenset(keys))

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
        keys = [each.name for each in fields(self.settings) if each.name in self.written]
        values = {key: getattr(self.settings, key) for key in keys}
        return {"name": self.name, "kind": self.kind, **values}


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
        if labelled_by := KINDS[dataset.kind].labelled_by:
            key, value = labelled_by
            change = f"set datasets.{dataset.name}.{key} to {value}"
        remedy = f"needs labels, which {dataset.name} has not: {change}"
        kind = experiment.networks.kind
        if NETWORKS[kind].needs_labels:
            yield ["experiments", name, "networks", "kind"], f"is {kind}, which {remedy}"
        features = experiment.fid.features
        if FEATURES[features].needs_labels:
            yield ["experiments", name, "fid", "features"], f"is {features}, which {remedy}"
