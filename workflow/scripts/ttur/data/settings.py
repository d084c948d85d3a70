"""Values out of a data set's entry of the configuration, checked."""

from pathlib import Path
from typing import Any

from ..errors import UserError


def image_size(settings: dict) -> int:
    """`settings["image_size"]`, pixels per side; UserError unless it is a positive integer."""
    size = settings.get("image_size")
    if type(size) is not int or size < 1:
        raise UserError(f"datasets.{settings['name']}.image_size: {size!r} is not a size in pixels")
    return size


def root_folder(settings: dict) -> Path:
    """`settings["root"]`; UserError unless it is text. Whether the folder exists is not checked."""
    root = settings.get("root")
    if not isinstance(root, str) or not root:
        raise UserError(f"datasets.{settings['name']}.root: name the folder of the images")
    return Path(root)


def choice(settings: dict, key: str, values: tuple, default: Any) -> Any:
    """`settings[key]`, or the default; UserError unless it is one of `values`."""
    value = settings.get(key, default)
    if value not in values:
        raise UserError(
            f"datasets.{settings['name']}.{key}: {value!r} is not one of "
            + ", ".join(str(choice) for choice in values)
        )
    return value


def whole_number(
    settings: dict, key: str, least: int, most: int, default: int | None
) -> int | None:
    """`settings[key]`, or the default where it is missing or None; UserError out of range."""
    value = settings.get(key)
    if value is None:
        return default
    if type(value) is not int or not least <= value <= most:
        raise UserError(
            f"datasets.{settings['name']}.{key}: {value!r} is not a whole number from {least} "
            f"to {most}"
        )
    return value


def skipped_share(settings: dict) -> float:
    """The share of images that may fail to decode, 0 <= share < 1; default 0.01."""
    share = settings.get("max_skipped_share", 0.01)
    if type(share) not in (int, float) or not 0 <= share < 1:
        raise UserError(
            f"datasets.{settings['name']}.max_skipped_share: {share!r} is not in [0, 1)"
        )
    return share
