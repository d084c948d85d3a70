"""What is on disk of the data sets that a configuration names, and whether it fits."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..data.content import manifest_of
from ..data.raw import raw_is_there
from ..metrics.features.kinds import FEATURE_NETWORKS as FEATURES
from ..runtime.errors import UserError
from .problems import Problem, dotted, shown

if TYPE_CHECKING:
    from .config import Config
    from .datasets import Dataset

PREPARED = "resources/prepared"


def is_prepared(name: str) -> bool:
    """Whether the working directory holds a data set ready to be used, raw files or not."""
    folder = os.path.join(PREPARED, name)
    there = (os.path.isfile(os.path.join(folder, file)) for file in ("images.npy", "labels.npy"))
    return all(there) and manifest_of(folder) is not None


def only_prepared(dataset: "Dataset") -> bool:
    """Whether a data set is ready to be used and its raw files are gone."""
    return is_prepared(dataset.name) and not raw_is_there(dataset.kind, dataset.root)


def images_up_to(dataset: "Dataset", limit: int) -> int:
    """|S| before preparation, or `limit` where it is larger or unknown.

    A folder is read no further than that; published data sets have the number expected of them.
    Where raw files are gone it is that of the prepared data. Raises UserError where a folder cannot
    be read.
    """
    if only_prepared(dataset):
        return min(manifest_of(os.path.join(PREPARED, dataset.name))["images"], limit)
    count = dataset.entry.count
    if count is None:
        return min(dataset.images or limit, limit)
    with _readable(dataset):
        return count(dataset.root, limit)


@contextmanager
def _readable(dataset: "Dataset") -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = f"config: {dotted(['datasets', dataset.name, 'root'])}"
        raise UserError(f"{where} holds {shown(error.filename)}: make it readable") from None


def existing_data_files(config: "Config") -> Iterator[Problem]:
    """Published data sets are not looked for: a grid can be planned on a machine without them.

    Preparing one without its files ends with one line that says where to get them. What has been
    prepared does without.
    """
    for name, dataset in config.datasets.items():
        path, root, kind = ["datasets", name, "root"], dataset.root, dataset.entry
        if root is None or kind.published or is_prepared(name):
            continue
        if not os.path.isdir(root):
            yield (
                path,
                f"is {shown(root)}, not a folder: correct it or put the images there "
                f"({_tried(root)})",
            )
            continue
        for file in kind.raw_files:
            if not os.path.isfile(os.path.join(root, file)):
                yield (
                    path,
                    f"is {shown(root)}, where {file} is missing: put it there "
                    f"({_tried(root, file)})",
                )


def _tried(*parts: str) -> str:
    """The absolute path that was looked for, and variables in it that stand for nothing."""
    path = os.path.abspath(os.path.join(*parts))
    unset = [name for pair in re.findall(r"\$(?:(\w+)|\{(\w+)\})", path) for name in pair if name]
    notes = "".join(f", and the environment has no {name}" for name in dict.fromkeys(unset))
    return f"looked for {shown(path)}{notes}"


def prepared_data_that_fit(config: "Config") -> Iterator[Problem]:
    """Without raw files a data set stays as it was prepared, so its settings have to."""
    for name, dataset in config.datasets.items():
        if not only_prepared(dataset):
            continue
        before = manifest_of(os.path.join(PREPARED, name)).get("settings", {})
        now = dataset.to_json()
        for key in before:
            if now.get(key) != before[key]:
                yield (
                    ["datasets", name, key],
                    f"is {shown(now.get(key))}, but was {shown(before[key])} when the images were "
                    f"prepared, and raw files to do it again are not in {shown(dataset.root)}: "
                    "put them back, or change it back",
                )


def raw_files_as_their_kind_needs_them(config: "Config") -> Iterator[Problem]:
    for name, dataset in config.datasets.items():
        if only_prepared(dataset) or not (dataset.root is None or os.path.isdir(dataset.root)):
            continue
        with _readable(dataset):
            problems = list(dataset.entry.check(dataset.settings))
        for key, message in problems:
            yield ["datasets", name, key], message


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


def enough_images_and_classes(config: "Config") -> Iterator[Problem]:
    """For the features, so far as the files tell; damaged ones show up in preparation."""
    for experiment in config.experiments.values():
        dataset, features = config.datasets[experiment.dataset], experiment.fid.features
        path, least = ["datasets", dataset.name, "root"], FEATURES[features].fewest_images
        if dataset.entry.count and not os.path.isdir(dataset.root):
            continue
        found = images_up_to(dataset, least)
        if found < least:
            images = f"{found} image{'s' * (found != 1)}"
            yield (
                path,
                f"is {shown(dataset.root)}, with {images}, of which the {features} features of "
                f"{experiment.name} need at least {least}: put more there",
            )
        classes_count = FEATURES[features].needs_labels and dataset.has_labels
        if not classes_count or dataset.entry.class_folders is None:
            continue
        with _readable(dataset):
            names = dataset.entry.class_folders(dataset.root)
        if len(names) == 1:
            yield (
                path,
                f"is {shown(dataset.root)}, with one class only, {shown(names[0])}, and a "
                f"{features} needs two: set it to the folder that holds the folders of the "
                f"classes, or experiments.{experiment.name}.fid.features to inception",
            )
