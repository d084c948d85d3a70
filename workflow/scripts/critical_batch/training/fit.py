"""Whether a job fits its data set as it came out of preparation, which may have skipped images."""

from collections.abc import Mapping
from typing import Any

from ..networks.kinds import ARCHITECTURES
from ..runtime.errors import UserError
from .job import Recipe


def check_fit(recipe: Recipe, manifest: Mapping[str, Any], key: str) -> None:
    """UserError where a job needs more images than there are, or labels where there are none.

    manifest: of its packed data set. key: where its batch size stands in the experiment's
    section of the configuration, such as `batch_sizes`.
    """
    experiment, name = f"experiments.{recipe.experiment}", manifest["name"]
    batch_size, images = recipe.batch_size, manifest["images"]
    if batch_size > images:
        skipped = len(manifest["skipped"])
        lost = f" that could be read of {name} ({skipped} could not)" if skipped else f" of {name}"
        raise UserError(
            f"{experiment}.{key}: {batch_size} is above the {images} images{lost}: use at most "
            f"{images}" + (", or repair the others" if skipped else "")
        )
    kind = recipe.networks["kind"]
    if ARCHITECTURES[kind].needs_labels and not manifest["classes"]:
        raise UserError(
            f"{experiment}.networks.kind: {kind} needs labels, which {name} has not: set "
            f"datasets.{name}.labels to folders, or use other networks"
        )
