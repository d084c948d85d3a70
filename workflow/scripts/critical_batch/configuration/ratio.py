"""The configuration's key `ratio` of an experiment."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pydantic import Field

from ..optimizers import OPTIMIZERS
from .problems import Problem, shown
from .section import Section

if TYPE_CHECKING:
    from .config import Config


class Ratio(Section):
    experiment: str = Field(description="The name of one of experiments")
    optimizer: str = Field(description="The name of one of that experiment's optimizers")


def known_ratio(config: "Config") -> Iterator[Problem]:
    for name, experiment in config.experiments.items():
        lender, optimizer = experiment.ratio.experiment, experiment.ratio.optimizer
        path = ["experiments", name, "ratio"]
        if lender not in config.experiments:
            names = ", ".join(config.experiments)
            yield (
                [*path, "experiment"],
                f"is {shown(lender)}, not an experiment: use one of {names}",
            )
            continue
        usable = [
            other for other in config.experiments[lender].optimizers if OPTIMIZERS[other].scale
        ]
        use = f"use one of {', '.join(usable)}" if usable else "use another experiment's ratio"
        if optimizer not in config.experiments[lender].optimizers:
            yield (
                [*path, "optimizer"],
                f"is {shown(optimizer)}, not an optimizer of {lender}: {use}",
            )
        elif OPTIMIZERS[optimizer].scale is None:
            yield [*path, "optimizer"], f"is {optimizer}, for which the theory has no bound: {use}"


def ratio_from_a_measurement(config: "Config") -> Iterator[Problem]:
    """An experiment that lends its ratio has measured it, so borrowing makes no chains."""
    for name, experiment in config.experiments.items():
        lender = experiment.ratio.experiment
        source = config.experiments[lender].ratio.experiment
        if source != lender:
            yield (
                ["experiments", name, "ratio", "experiment"],
                f"is {lender}, which takes its own ratio from {source}: "
                "use an experiment that takes its ratio from itself",
            )


def ratio_from_the_same_generator(config: "Config") -> Iterator[Problem]:
    """The ratio depends on the generator's networks (Proposition 3.4: sigma_G^2 / eps_G^3)."""
    for name, experiment in config.experiments.items():
        lender = config.experiments[experiment.ratio.experiment]
        own, lent = _generator(config, name), _generator(config, lender.name)
        for key in own:
            if own[key] != lent.get(key):
                yield (
                    ["experiments", name, "ratio", "experiment"],
                    f"is {lender.name}, whose generator differs ({key} {lent.get(key)}, "
                    f"here {own[key]}): use an experiment with the same generator",
                )


def _generator(config: "Config", name: str) -> dict[str, Any]:
    experiment = config.experiments[name]
    dataset, networks = config.datasets[experiment.dataset], experiment.networks
    keys = ("latent", *networks.entry.generator)
    return {
        "kind": networks.kind,
        **{key: getattr(networks.settings, key) for key in keys},
        "image_size": dataset.image_size,
        "channels": dataset.channels,
    }
