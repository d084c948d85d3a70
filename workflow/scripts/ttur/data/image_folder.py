"""One's own images: every PNG, JPEG, BMP, WebP or TIFF file in a folder and below."""

import os
import re
import warnings
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image, ImageOps

from ..errors import UserError
from .listing import SUFFIXES, image_files
from .packed import Source
from .resize import FILTER, RULES, image_size, resize_picture

# Only these decoders: some of Pillow's others start external programs.
FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "TIFF")
MODES = {1: "L", 3: "RGB"}
SKIPPED_SHARE = 0.01


def read(settings: dict) -> Source:
    """settings: name, image_size, root, channels (1 grey, 3 RGB; default 3),
    resize (shortest_side | squash), labels (none | folders: the first-level sub-folder is the
    class).

    Files come in natural order (2 before 10). Symbolic links to folders, links that leave the
    folder and hidden files are ignored. Transparent pixels are laid over white, and the
    orientation noted by a camera is applied. Files that do not decode are listed in
    `Source.skipped`; above 1 % of all files they are a UserError.
    """
    key = f"datasets.{settings['name']}"
    size = image_size(settings)
    channels = _choice(settings, "channels", tuple(MODES), 3)
    rule = _choice(settings, "resize", RULES, RULES[0])
    labels = _choice(settings, "labels", ("none", "folders"), "none")
    root = settings.get("root")
    if not isinstance(root, str) or not os.path.isdir(root):
        raise UserError(f"{key}.root: {root!r} is not a folder: name the folder of the images")
    files = list_images(root)
    if not files:
        raise UserError(f"{key}.root: no images in {root}: known are {' '.join(SUFFIXES)}")
    class_names = []
    if labels == "folders":
        if loose := [file for file in files if len(file.parts) == 1]:
            raise UserError(
                f"{key}.labels: {str(loose[0])!r} is in no sub-folder: "
                "move it into the folder of its class or set labels: none"
            )
        class_names = list(dict.fromkeys(file.parts[0] for file in files))
    skipped: list[str] = []
    after = f"{size}x{size}"
    how = "shortest side, centre crop" if rule == "shortest_side" else "squashed"
    return Source(
        source=f"image folder {root}",
        licence="not stated",
        resize=f"Pillow {FILTER.name} {how} -> {after}",
        class_names=class_names,
        images=_decode_all(key, Path(root), files, size, channels, rule, class_names, skipped),
        skipped=skipped,
    )


def list_images(root: str | Path) -> list[PurePosixPath]:
    """Image files below `root`, relative to it, in natural order."""
    files = [
        PurePosixPath(Path(entry.path).relative_to(root).as_posix()) for entry in image_files(root)
    ]
    return sorted(files, key=lambda file: [(_natural(part), part) for part in file.parts])


def decode(path: str | Path, size: int, channels: int, rule: str) -> np.ndarray:
    """Decodes one file to uint8 [size, size, channels].

    Raises whatever Pillow raises on a damaged file; a picture of more than
    `PIL.Image.MAX_IMAGE_PIXELS` pixels (a decompression bomb) raises before it is decoded.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(path, formats=FORMATS) as file:
            picture = ImageOps.exif_transpose(file)
    if picture.mode.startswith("I;16"):
        picture = Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    if picture.mode in ("I", "F"):
        raise ValueError(f"pixels of mode {picture.mode} have no range")
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    picture = resize_picture(picture.convert(MODES[channels]), size, rule)
    return np.asarray(picture).reshape(size, size, channels)


def _decode_all(
    key: str,
    root: Path,
    files: list[PurePosixPath],
    size: int,
    channels: int,
    rule: str,
    class_names: list[str],
    skipped: list[str],
) -> Iterator[tuple[np.ndarray, int]]:
    classes = {name: label for label, name in enumerate(class_names)}
    for file in files:
        try:
            image = decode(root / file, size, channels, rule)
        except Exception:  # Pillow's decoders raise almost anything on damaged bytes.
            skipped.append(str(file))
            if len(skipped) > SKIPPED_SHARE * len(files):
                raise UserError(
                    f"{key}.root: {len(skipped)} of {len(files)} images in {root} cannot be read "
                    f"(the last is {str(file)!r}), more than 1 %: repair or remove them"
                ) from None
            continue
        yield image, classes.get(file.parts[0], -1)


def _natural(text: str) -> list[str | int]:
    """Sort key: runs of digits compare as numbers. Texts (even places) and numbers alternate."""
    parts: list[str | int] = re.split(r"([0-9]+)", text)
    parts[1::2] = map(int, parts[1::2])
    return parts


def _choice(settings: dict, key: str, values: tuple, default):
    value = settings.get(key, default)
    if value not in values:
        raise UserError(
            f"datasets.{settings['name']}.{key}: {value!r} is not one of "
            + ", ".join(str(choice) for choice in values)
        )
    return value
