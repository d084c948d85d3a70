"""What the schema of the configuration cannot say: references, data on disk, limits, ratios."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

from .config_schema import Problem, dotted, shown
from .data.classes import class_names, class_problem
from .data.content import manifest_of
from .data.formats import FORMAT_NAMES, is_picture
from .data.listing import image_files
from .data.raw import RAW_FILES, raw_is_there
from .data.sources import PUBLISHED, expected_images
from .data.tally import Tally, counted
from .errors import UserError
from .few_images import FEATURE_DIMENSIONS, FEWEST_IMAGES
from .network_kinds import NETWORKS
from .optimizers import OPTIMIZERS
from .training.grid import evaluation_bound, step_limit

if TYPE_CHECKING:
    from .config import Config, Dataset

IMAGES = {"fashion_mnist": 10_000, "mnist": 5_000}
KINDS = (*IMAGES, "image_folder", *PUBLISHED)
PREPARED = "resources/prepared"
UNLABELLED = ("lsun", "celeba")
MOST_JOBS = 10_000
MOST_EVALUATIONS = 100_000  # of one seed
LONGEST_FOLDER_NAME = 200  # file systems allow 255 bytes


def domain_problems(config: "Config") -> Iterator[Problem]:
    """Problems that a schema cannot see, in a fixed order.

    Each check may rely on the earlier ones having found nothing, so only the first problem counts.
    """
    for check in (
        jobs_within_limits,
        known_data_sets,
        existing_data_files,
        prepared_data_that_fit,
        class_folders_with_images,
        batch_sizes_within_data_set,
        labels_where_needed,
        enough_images_and_classes,
        inception_where_needed,
        resize_only_for_inception,
        biggan_that_fits_the_images,
        micro_batches_of_equal_size,
        compilable,
        samples_for_a_step,
        enough_samples_for_fid,
        first_look_of_fewer_samples,
        evaluations_within_limits,
        evaluations_few_enough,
        noise_probe_within_limits,
        folder_names_within_limits,
        known_ratio,
        ratio_from_a_measurement,
        ratio_from_the_same_generator,
    ):
        yield from check(config)


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


def known_data_sets(config: "Config") -> Iterator[Problem]:
    for name, experiment in config.experiments.items():
        if experiment.dataset not in config.datasets:
            yield (
                ["experiments", name, "dataset"],
                f"is {shown(experiment.dataset)}, not a data set: "
                f"use one of {', '.join(config.datasets)}",
            )


def existing_data_files(config: "Config") -> Iterator[Problem]:
    """The paper's data sets are not looked for: its grid can be planned on a machine without them.

    Preparing one without its files ends with one line that says where to get them. What has been
    prepared does without.
    """
    for name, dataset in config.datasets.items():
        path, root = ["datasets", name, "root"], dataset.root
        if root is None or dataset.kind in PUBLISHED or is_prepared(name):
            continue
        if not os.path.isdir(root):
            yield (
                path,
                f"is {shown(root)}, not a folder: correct it or put the images there "
                f"({_tried(root)})",
            )
        elif dataset.kind in RAW_FILES:
            for file in RAW_FILES[dataset.kind]:
                if not os.path.isfile(os.path.join(root, file)):
                    yield (
                        path,
                        f"is {shown(root)}, where {file} is missing: put it there "
                        f"({_tried(root, file)})",
                    )
        elif images_up_to(dataset, 1) == 0:
            unused = Tally()
            for file in image_files(root, unused=unused):
                unused.add("damaged at its start", file.name)
            there = f" ({counted(unused.rows())})" if unused.total else ""
            yield path, f"is {shown(root)}, without images{there}: put {FORMAT_NAMES} files there"


def _tried(*parts: str) -> str:
    """The absolute path that was looked for, and variables in it that stand for nothing."""
    path = os.path.abspath(os.path.join(*parts))
    unset = [name for pair in re.findall(r"\$(?:(\w+)|\{(\w+)\})", path) for name in pair if name]
    notes = "".join(f", and the environment has no {name}" for name in dict.fromkeys(unset))
    return f"looked for {shown(path)}{notes}"


def class_folders_with_images(config: "Config") -> Iterator[Problem]:
    for name, dataset in config.datasets.items():
        if dataset.kind != "image_folder" or not dataset.has_labels or only_prepared(dataset):
            continue
        if os.path.isdir(dataset.root):
            with _readable(dataset):
                problem = class_problem(dataset.root)
            if problem:
                yield ["datasets", name, "root"], problem


def enough_images_and_classes(config: "Config") -> Iterator[Problem]:
    """For the features, so far as the files tell; damaged ones show up in preparation."""
    for experiment in config.experiments.values():
        dataset, features = config.datasets[experiment.dataset], experiment.fid["features"]
        path, least = ["datasets", dataset.name, "root"], FEWEST_IMAGES[features]
        if dataset.kind == "image_folder" and not os.path.isdir(dataset.root):
            continue
        found = images_up_to(dataset, least)
        if found < least:
            images = f"{found} image{'s' * (found != 1)}"
            yield (
                path,
                f"is {shown(dataset.root)}, with {images}, of which the {features} features of "
                f"{experiment.name} need at least {least}: put more there",
            )
        if features != "classifier" or dataset.kind != "image_folder" or not dataset.has_labels:
            continue
        with _readable(dataset):
            names = class_names(dataset.root)
        if len(names) == 1:
            yield (
                path,
                f"is {shown(dataset.root)}, with one class only, {shown(names[0])}, and a "
                "classifier needs two: set it to the folder that holds the folders of the "
                f"classes, or experiments.{experiment.name}.fid.features to inception",
            )


def is_prepared(name: str) -> bool:
    """Whether the working directory holds a data set ready to be used, raw files or not."""
    folder = os.path.join(PREPARED, name)
    there = (os.path.isfile(os.path.join(folder, file)) for file in ("images.npy", "labels.npy"))
    return all(there) and manifest_of(folder) is not None


def only_prepared(dataset: "Dataset") -> bool:
    """Whether a data set is ready to be used and its raw files are gone."""
    return is_prepared(dataset.name) and not raw_is_there(dataset.kind, dataset.root)


def prepared_data_that_fit(config: "Config") -> Iterator[Problem]:
    """Without raw files a data set stays as it was prepared, so its settings have to."""
    for name, dataset in config.datasets.items():
        if not only_prepared(dataset):
            continue
        before = manifest_of(os.path.join(PREPARED, name)).get("settings", {})
        now = {"name": name, **dataset.settings}
        for key in before:
            if now.get(key) != before[key]:
                yield (
                    ["datasets", name, key],
                    f"is {shown(now.get(key))}, but was {shown(before[key])} when the images were "
                    f"prepared, and raw files to do it again are not in {shown(dataset.root)}: "
                    "put them back, or change it back",
                )


def images_up_to(dataset: "Dataset", limit: int) -> int:
    """|S| before preparation, or `limit` where it is larger or unknown.

    A folder is read no further than that; the paper's data sets have the number expected of them.
    Where raw files are gone it is that of the prepared data. Raises UserError where a folder cannot
    be read.
    """
    if only_prepared(dataset):
        return min(manifest_of(os.path.join(PREPARED, dataset.name))["images"], limit)
    if dataset.kind in IMAGES:
        return min(IMAGES[dataset.kind], limit)
    if dataset.kind in PUBLISHED:
        return min(expected_images(dataset.settings) or limit, limit)
    with _readable(dataset):
        # Of files that are only called pictures nothing will be packed.
        images = (file for file in image_files(dataset.root) if is_picture(*file))
        return sum(1 for _ in islice(images, limit))


@contextmanager
def _readable(dataset: "Dataset") -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = f"config: {dotted(['datasets', dataset.name, 'root'])}"
        raise UserError(f"{where} holds {shown(error.filename)}: make it readable") from None


def batch_sizes_within_data_set(config: "Config") -> Iterator[Problem]:
    for name, experiment in config.experiments.items():
        lists = {("experiments", name, "batch_sizes"): experiment.batch_sizes} | {
            ("experiments", name, "optimizers", optimizer, "batch_sizes"): settings.batch_sizes
            for optimizer, settings in experiment.optimizers.items()
        }
        largest = max(max(batch_sizes) for batch_sizes in lists.values())
        images = images_up_to(config.datasets[experiment.dataset], largest)
        for path, batch_sizes in lists.items():
            for i, batch_size in enumerate(batch_sizes):
                if batch_size > images:
                    yield (
                        [*path, i],
                        f"is {batch_size}, above the {images} images of {experiment.dataset}: "
                        f"use at most {images}",
                    )


def labels_where_needed(config: "Config") -> Iterator[Problem]:
    for name, experiment in config.experiments.items():
        if config.datasets[experiment.dataset].has_labels:
            continue
        if config.datasets[experiment.dataset].kind in UNLABELLED:
            change = "use a data set with labels"
        else:
            change = f"set datasets.{experiment.dataset}.labels to folders"
        remedy = f"needs labels, which {experiment.dataset} has not: {change}"
        kind = experiment.networks["kind"]
        if NETWORKS[kind].needs_labels:
            yield ["experiments", name, "networks", "kind"], f"is {kind}, which {remedy}"
        if experiment.fid["features"] == "classifier":
            yield ["experiments", name, "fid", "features"], f"is classifier, which {remedy}"


def inception_where_needed(config: "Config") -> Iterator[Problem]:
    for name, experiment in config.experiments.items():
        if experiment.fid["features"] == "inception" and config.inception is None:
            yield (
                ["experiments", name, "fid", "features"],
                "is inception, whose weights are not named: add the line `inception: {}` at the "
                "top level to download the published ones, or give `weights`, a path, in it",
            )
    digest = (config.inception or {}).get("sha256", "0" * 64)
    if not re.fullmatch("[0-9a-fA-F]{64}", digest):
        yield (
            ["inception", "sha256"],
            f"is {shown(digest)}: use the 64 hexadecimal digits that sha256sum prints",
        )


def resize_only_for_inception(config: "Config") -> Iterator[Problem]:
    for name, experiment in config.experiments.items():
        features = experiment.fid["features"]
        if features != "inception" and "resize" in experiment.fid:
            yield (
                ["experiments", name, "fid", "resize"],
                f"is {experiment.fid['resize']}, but the {features} features are not those of "
                "resized images: remove it, or set fid.features to inception",
            )


def biggan_that_fits_the_images(config: "Config") -> Iterator[Problem]:
    for name, experiment in config.experiments.items():
        networks, path = experiment.networks, ["experiments", name, "networks"]
        if networks["kind"] != "biggan":
            continue
        image_size = config.datasets[experiment.dataset].image_size
        pieces, latent = image_size.bit_length() - 2, networks["latent"]
        if latent % pieces:
            yield (
                [*path, "latent"],
                f"is {latent}, not {pieces} equal pieces as biggan needs at {image_size} pixels: "
                f"use {latent - latent % pieces + pieces}",
            )
        if networks["attention"] is None:
            continue
        if networks["attention"] >= image_size:
            yield (
                [*path, "attention"],
                f"is {networks['attention']}: use a side below image_size, {image_size}, or null",
            )
        for key in ("generator_width", "discriminator_width"):
            if networks[key] < 8:
                yield [*path, key], f"is {networks[key]}: use at least 8, or attention: null"


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


def compilable(config: "Config") -> Iterator[Problem]:
    for name, experiment in config.experiments.items():
        if config.compute["compile"] and experiment.objective["kind"] == "wasserstein_gp":
            yield (
                ["compute", "compile"],
                f"is true, but the gradient penalty of {name} needs second derivatives, which "
                "compiled networks lack: set compile: false",
            )


def samples_for_a_step(config: "Config") -> Iterator[Problem]:
    """A run takes at least one step, of a whole batch."""
    for name, experiment in config.experiments.items():
        samples = experiment.limits["samples"]
        sizes = {b for run in experiment.optimizers.values() for b in run.batch_sizes}
        if samples is not None and samples < max(sizes):
            yield (
                ["experiments", name, "limits", "samples"],
                f"is {samples}, less than one step of batch size {max(sizes)}: use at least "
                f"{max(sizes)}, null for no limit, or smaller batch_sizes",
            )


def enough_samples_for_fid(config: "Config") -> Iterator[Problem]:
    """With no more samples than feature dimensions the sample covariance is singular.

    Not asked of random weights, whose distances mean nothing anyway.
    """
    for name, experiment in config.experiments.items():
        if experiment.fid.get("weights") == "random":
            continue
        dimension = FEATURE_DIMENSIONS[experiment.fid["features"]]
        first = experiment.fid["first_look"]
        for section, settings in (
            (["fid"], experiment.fid),
            (["evaluation"], experiment.evaluation),
            *([(["fid", "first_look"], first)] if first else []),
        ):
            if settings["samples"] <= dimension:
                yield (
                    ["experiments", name, *section, "samples"],
                    f"is {settings['samples']}: use more than {dimension}, the dimension of the "
                    f"{experiment.fid['features']} features",
                )


def first_look_of_fewer_samples(config: "Config") -> Iterator[Problem]:
    for name, experiment in config.experiments.items():
        first, samples = experiment.fid["first_look"], experiment.fid["samples"]
        if first and first["samples"] >= samples:
            yield (
                ["experiments", name, "fid", "first_look", "samples"],
                f"is {first['samples']}: use fewer than fid.samples, {samples}, or null instead",
            )


def evaluations_within_limits(config: "Config") -> Iterator[Problem]:
    for name, experiment in config.experiments.items():
        grid, steps = experiment.fid["grid"], experiment.limits["steps"]
        key = "first" if grid["kind"] == "log" else "every"
        if grid[key] > steps:
            yield (
                ["experiments", name, "fid", "grid", key],
                f"is {grid[key]}, after the last step: use at most limits.steps, {steps}",
            )


def evaluations_few_enough(config: "Config") -> Iterator[Problem]:
    for name, experiment in config.experiments.items():
        grid, steps = experiment.fid["grid"], experiment.limits["steps"]
        count = evaluation_bound(grid, steps)
        if count > MOST_EVALUATIONS:
            key = "factor" if grid["kind"] == "log" else "every"
            yield (
                ["experiments", name, "fid", "grid", key],
                f"is {grid[key]}, about {count} evaluations in {steps} steps: use a larger one, "
                f"for at most {MOST_EVALUATIONS}",
            )


def noise_probe_within_limits(config: "Config") -> Iterator[Problem]:
    for name, experiment in config.experiments.items():
        probe, path = experiment.noise_probe, ["experiments", name, "noise_probe"]
        limits, batch_size = experiment.limits, probe["batch_size"]
        steps = step_limit(limits, batch_size)
        if probe["steps"][-1] > steps:
            if steps == limits["steps"]:
                limit = f"limits.steps, {steps}"
            else:
                limit = f"{steps}, limits.samples by its batch size {batch_size}"
            yield (
                [*path, "steps"],
                f"holds {probe['steps'][-1]}, after the last step: use at most {limit}",
            )
        images = images_up_to(config.datasets[experiment.dataset], batch_size)
        if batch_size > images:
            yield (
                [*path, "batch_size"],
                f"is {batch_size}, above the {images} images of {experiment.dataset}: "
                f"use at most {images}",
            )
        if batch_size % experiment.micro_batches:
            yield (
                [*path, "batch_size"],
                f"is {batch_size}, which micro_batches, {experiment.micro_batches}, does not "
                "divide: use a multiple of it",
            )


def folder_names_within_limits(config: "Config") -> Iterator[Problem]:
    for run in config.runs():
        if len(run.folder_name) > LONGEST_FOLDER_NAME:
            yield (
                ["experiments", run.experiment, "seeds_per_job"],
                f"puts {len(run.seeds)} seeds in one job, too many for the name of its folder: "
                "use at most 16",
            )


def known_ratio(config: "Config") -> Iterator[Problem]:
    for name, experiment in config.experiments.items():
        lender, optimizer = experiment.ratio["experiment"], experiment.ratio["optimizer"]
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
        lender = experiment.ratio["experiment"]
        source = config.experiments[lender].ratio["experiment"]
        if source != lender:
            yield (
                ["experiments", name, "ratio", "experiment"],
                f"is {lender}, which takes its own ratio from {source}: "
                "use an experiment that takes its ratio from itself",
            )


def ratio_from_the_same_generator(config: "Config") -> Iterator[Problem]:
    """The ratio depends on the generator's networks (Proposition 3.4: sigma_G^2 / eps_G^3)."""
    for name, experiment in config.experiments.items():
        lender = config.experiments[experiment.ratio["experiment"]]
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
    keys = ("kind", "latent", *NETWORKS[networks["kind"]].generator)
    return {key: networks[key] for key in keys} | {
        "image_size": dataset.image_size,
        "channels": dataset.channels,
    }
