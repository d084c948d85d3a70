"""The kinds of data sets: each module of this folder is one entry of `DATASET_KINDS`.

An entry brings all that is known of its kind: settings with their checks, how the images are
read, what its raw files are. docs/extending.md tells how to add one, with an example. Entries
import what decodes images when they read them, so that checking a configuration stays cheap.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ...registries.chosen import Problems, check_fields, no_problems
from ...registries.registry import Registry
from ..paper_datasets import Published
from ..raw_state import folder_state
from ..reader import Source
from ..settings import DatasetSettings, typed


@dataclass(frozen=True, kw_only=True)
class DatasetKind:
    """One kind of data set.

    description: one line without a full stop, for editors of the configuration.
    settings: the dataclass of its keys besides `kind`; see `DatasetSettings`.
    read: (settings, where) -> the images. where: what messages call the settings, such as
        `datasets.mine`. Raises UserError where raw files are missing or wrong.

    Of the raw files, where settings have a root:
    raw_files: names of a few small files in the root, which are known by their content. Without
        them the raw files are known by their state.
    state: (root) -> a short text that changes when the raw files do; "" where there are none.
    is_there: (root) -> whether there are raw files; without it, whether there is a state.
    count: (root, limit) -> the number of images, or limit where there are more. None: nothing less
        than reading them all tells, or settings do (`images`).
    class_folders: (root) -> names of the folders that are classes, where labels are of that kind.
    check: (settings) -> what is wrong with the raw files or what a schema cannot say of settings,
        before anything is prepared, each as a key and a message that ends in the remedy. The root
        is a folder. It and the two before may raise OSError of a folder that cannot be read.

    labelled_by: the key and its value that give images labels, where a key does.
    published: where others publish it: its files are not looked for before it is prepared, since
        its grid can be planned on a machine without them.
    place: where it stands in lists of kinds, from 1 on; those without follow by name.
    """

    description: str
    settings: type[DatasetSettings]
    read: Callable[[Any, str], Source]
    raw_files: tuple[str, ...] = ()
    state: Callable[[str], str] = folder_state
    is_there: Callable[[str], bool] | None = None
    count: Callable[[str, int], int] | None = None
    class_folders: Callable[[str], list[str]] | None = None
    check: Callable[[Any], Problems] = no_problems
    labelled_by: tuple[str, str] | None = None
    published: Published | None = None
    place: int = 1000

    def __post_init__(self) -> None:
        check_fields(self.settings, "kind", "name")


DATASET_KINDS: Registry[DatasetKind] = Registry(__name__, "KIND", DatasetKind)
"""Kind of data set -> what is known of it."""


def source_of(settings: Mapping[str, Any]) -> Source:
    """The images of a data set.

    settings: its name, kind and the keys of that kind, as `Dataset.to_json` gives them. Raises
    UserError where they or the raw files are wrong; KeyError for an unknown kind.
    """
    kind, where = DATASET_KINDS[settings["kind"]], f"datasets.{settings['name']}"
    keys = {key: settings[key] for key in settings if key not in ("name", "kind")}
    return kind.read(typed(kind.settings, keys, where), where)


def published() -> dict[str, Published]:
    """The kinds that others publish."""
    return {name: kind.published for name, kind in DATASET_KINDS.items() if kind.published}
