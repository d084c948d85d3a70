"""Keys of an experiment that choose entries of registries: `networks`, `objective`, `optimizers`.

Their sections are not models: an entry brings its settings, so that one of another package is
checked as a built-in one is.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import WithJsonSchema

from ..chosen import Chosen
from .problems import KeyPath, Problem

if TYPE_CHECKING:
    from .config import Config

EntrySection = Annotated[dict[str, Any], WithJsonSchema({"type": "object"})]
"""`kind`, the name of an entry, and that entry's settings; its schema comes from the registry."""


def settings_that_entries_can_use(config: "Config") -> Iterator[Problem]:
    """What the entries' own checks say."""
    for name, experiment in config.experiments.items():
        path, shape = ["experiments", name], config.datasets[experiment.dataset].shape
        yield from _problems([*path, "networks"], experiment.networks, shape)
        yield from _problems([*path, "objective"], experiment.objective)
        for optimizer, each in experiment.optimizers.items():
            yield from _problems([*path, "optimizers", optimizer], each.optimizer)


def _problems(path: KeyPath, choice: Chosen[Any], *also: Any) -> Iterable[Problem]:
    for key, message in choice.entry.check(choice.settings, *also):
        yield [*path, key], message
