"""What the schema cannot say of the settings of entries: each entry brings its own check."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ..registries.chosen import Chosen
from .problems import KeyPath, Problem

if TYPE_CHECKING:
    from .config import Config


def settings_that_entries_can_use(config: "Config") -> Iterator[Problem]:
    for name, experiment in config.experiments.items():
        path, shape = ["experiments", name], config.datasets[experiment.dataset].shape
        yield from _problems([*path, "networks"], experiment.networks, shape)
        yield from _problems([*path, "objective"], experiment.objective)
        for optimizer, each in experiment.optimizers.items():
            yield from _problems([*path, "optimizers", optimizer], each.optimizer)


def _problems(path: KeyPath, choice: Chosen[Any], *also: Any) -> Iterable[Problem]:
    for key, message in choice.entry.check(choice.settings, *also):
        yield [*path, key], message
