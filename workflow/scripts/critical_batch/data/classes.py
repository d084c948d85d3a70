"""Classes of a folder of images: the folders in it, and what can be wrong with them."""

import os
from collections.abc import Callable
from pathlib import Path

from .formats import FORMAT_NAMES, is_picture, promises_picture
from .listing import Found, image_files, top_level
from .tally import Tally, counted

TRAINING = frozenset({"train", "training"})
HELD_OUT = frozenset({"val", "valid", "validation", "test", "testing", "dev", "eval"})


def class_names(root: str | Path) -> list[str]:
    """The folders in `root`, in natural order: label 0, 1, ..."""
    return [folder.name for folder in top_level(root)[0]]


def holds_picture(folder: Found) -> bool:
    """Whether a folder has a file of a picture's content; reads no further than the first."""
    return any(is_picture(*file) for file in image_files(folder.path))


def class_problem(root: str, usable: Callable[[Found], bool] = holds_picture) -> str | None:
    """What is wrong with the class folders in `root`, None where they are as they should be.

    usable: whether a class folder has images. The text goes on after the name of the key `root`
    and ends in the remedy. Raises OSError where a folder cannot be read.
    """
    folders, files = top_level(root)
    loose = next((f for f in files if promises_picture(f.name) or is_picture(*f)), None)
    if loose:
        return (
            f"is {root!r}, where {loose.name!r} is in no folder of a class: move it into one, "
            "or set labels: none"
        )
    splits = [f.name for f in folders if f.name.lower() in TRAINING | HELD_OUT]
    kinds = {name.lower() in TRAINING for name in splits}
    if splits and (len(splits) == len(folders) or len(kinds) == 2):
        use = next((name for name in splits if name.lower() in TRAINING), splits[0])
        return (
            f"is {root!r}, whose folders {' and '.join(splits)} are parts of a data set, not "
            f"classes: set it to the one to use, such as {os.path.join(root, use)!r}, or "
            "rename them if they are classes"
        )
    empty = [folder for folder in folders if not usable(folder)]
    if empty:
        others = f" (one of {len(empty)} such folders)" if len(empty) > 1 else ""
        return (
            f"is {root!r}, whose class folder {empty[0].name!r}{others} holds no picture: "
            f"{_contents(empty[0])}. Put pictures of {FORMAT_NAMES} there, or take the folder away"
        )
    return None


def _contents(folder: Found) -> str:
    unused = Tally()
    named = sum(1 for _ in image_files(folder.path, unused=unused))
    if named:
        unused.add("file whose content is not the picture that its name says", folder.name, named)
    return counted(unused.rows()) if unused.total else "it is empty"
