"""The figures: each is one entry of `FIGURES`; docs/figures.md tells how to add one.

Needs neither matplotlib nor pandas, because Snakemake reads it at every start: a figure's module is
imported when it is drawn. The scripts that draw do not read it, so another caption draws nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import product
from typing import Any

from . import captions
from .inputs import TABLES

SUFFIXES = ("pdf", "png", "csv")
"""Of the files of a figure: two for the page and the screen, and the data behind it."""


class Scope(Enum):
    """Of what a figure is drawn, and when."""

    EXPERIMENT = "each experiment"
    ALL = "all experiments together"
    ON_DEMAND = "all experiments together, where it is asked for"


JOBS = {
    "curves": Scope.EXPERIMENT,
    "fid": Scope.EXPERIMENT,
    "samples": Scope.EXPERIMENT,
    "comparison": Scope.ALL,
    "learning_rates": Scope.ON_DEMAND,
}
"""The figures that one job draws, the rule plot_JOB: starting a job takes longer than drawing."""


@dataclass(frozen=True)
class Figure:
    """One figure, by the name of its files and of the module `figures/NAME.py` that draws it.

    job: a key of `JOBS`; the module's function `draw` gets what the script of that job reads.
    label: what the report's list calls it. caption: what it shows, in a sentence or two.
    numbers: what its caption tells of each experiment after that, from its numbers.
    tables: keys of `inputs.TABLES`. The figures of the jobs fid and samples are drawn from runs.
    """

    job: str
    label: str
    caption: str
    numbers: Callable[[Mapping[str, Any]], str]
    tables: tuple[str, ...] = ()


FIGURES: dict[str, Figure] = {
    "steps": Figure(
        job="curves",
        label="Steps against batch size",
        caption=(
            "Steps N(b) to the threshold against the batch size: the median over seeds. Lines are "
            "Theorem 3.2 fitted to it."
        ),
        numbers=captions.critical_sizes,
        tables=("steps", "bootstrap", "fit"),
    ),
    "sfo": Figure(
        job="curves",
        label="SFO against batch size",
        caption=(
            "Gradient evaluations SFO = b N(b) to the threshold against the batch size. The "
            "minimum is the critical batch size."
        ),
        numbers=captions.critical_sizes,
        tables=("steps", "bootstrap", "fit", "critical", "intervals"),
    ),
    "cost": Figure(
        job="curves",
        label="Gradient evaluations and seconds",
        caption=(
            "What a generator of this quality costs: gradient evaluations, and seconds on this "
            "machine. The two optima differ, because a larger batch is cheaper per image."
        ),
        numbers=captions.critical_sizes,
        tables=("bootstrap", "speed"),
    ),
    "thresholds": Figure(
        job="curves",
        label="Critical size against threshold",
        caption=(
            "The critical batch size at other thresholds, from the stored histories without new "
            "training. By the theory it grows as the threshold falls."
        ),
        numbers=captions.critical_sizes,
        tables=("thresholds",),
    ),
    "fid_noise": Figure(
        job="curves",
        label="Noise of the distance",
        caption="How far the distance of one generator varies between sample seeds.",
        numbers=captions.fid_noise,
        tables=("repetitions",),
    ),
    "fid": Figure(
        job="fid",
        label="Distance against steps",
        caption=(
            "The distance against steps for every batch size: median over seeds, dashed at the "
            "threshold."
        ),
        numbers=captions.fid_samples,
    ),
    "fid_samples": Figure(
        job="fid",
        label="Distance against images seen",
        caption=(
            "The distance against the number of images seen, for every batch size: where the "
            "curves lie on each other, a larger batch costs nothing."
        ),
        numbers=captions.fid_samples,
    ),
    "samples": Figure(
        job="samples",
        label="Images over batch sizes",
        caption=(
            "Images of the final generators at the smallest, the critical and the largest batch "
            "size."
        ),
        numbers=captions.settings,
    ),
    "generators": Figure(
        job="samples",
        label="Images of all optimizers",
        caption="Images of the final generators of all optimizers, side by side.",
        numbers=captions.settings,
    ),
    "critical": Figure(
        job="comparison",
        label="Critical sizes: measured and estimated",
        caption=(
            "Measured critical batch sizes beside every estimate of them, over all experiments."
        ),
        numbers=captions.critical_sizes,
        tables=("comparison",),
    ),
    "noise_scale": Figure(
        job="comparison",
        label="Gradient noise scale",
        caption=(
            "The gradient noise scale of generator and discriminator beside the measured critical "
            "batch sizes."
        ),
        numbers=captions.critical_sizes,
        tables=("comparison", "noise_scale"),
    ),
    "learning_rates": Figure(
        job="learning_rates",
        label="Critical size against learning rate",
        caption=(
            "The critical batch size against the learning rate: proportional to it by the theory."
        ),
        numbers=captions.critical_sizes,
        tables=("learning_rates",),
    ),
}
"""Name -> figure, in the order in which they are drawn."""


def drawn_by(job: str) -> list[str]:
    """Names of the figures that one job draws."""
    return [name for name, figure in FIGURES.items() if figure.job == job]


def tables_of(job: str) -> dict[str, str]:
    """The tables that the figures of a job are drawn from, and their files."""
    named = {table for name in drawn_by(job) for table in FIGURES[name].tables}
    return {name: table.path for name, table in TABLES.items() if name in named}


def modules_of(job: str) -> list[str]:
    """Dotted names of the modules that draw the figures of a job."""
    return [f"{__package__}.{name}" for name in drawn_by(job)]


def is_of_one_experiment(name: str) -> bool:
    """Whether there is one for each experiment, rather than one of all."""
    return JOBS[FIGURES[name].job] is Scope.EXPERIMENT


def stem(name: str) -> str:
    """The path of a figure's files without their suffix; {experiment} stands for the experiment."""
    folder = "results/figures/{experiment}" if is_of_one_experiment(name) else "results/figures"
    return f"{folder}/{name}"


def files(experiments: Iterable[str]) -> list[str]:
    """Every file of the figures that are drawn without being asked for."""
    drawn = [n for n, figure in FIGURES.items() if JOBS[figure.job] is not Scope.ON_DEMAND]
    paths = [f"{stem(name)}.{suffix}" for name, suffix in product(drawn, SUFFIXES)]
    found = (path.format(experiment=each) for each, path in product(experiments, paths))
    return list(dict.fromkeys(found))
