"""From a source of raw images to a packed data set."""

import hashlib
import json
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import PIL

from ..registries import outside
from ..runtime.errors import UserError
from ..runtime.files import sha256, write_json
from ..runtime.locks import locked
from ..runtime.progress_line import ProgressLine
from .content import LIMITS, NOT_PIXELS
from .flatten import dark_pictures
from .packed import PackedDataset, sample_digest
from .partial import Partial
from .raw import raw_state
from .reader import Source
from .tally import Tally, counted
from .workers import decoded

CHECKPOINT_SECONDS = 5.0


def write_packed(
    directory: str | Path, settings: dict, source: Source, processes: int = 1
) -> dict[str, Any]:
    """Writes `images.npy`, `labels.npy` and then `manifest.json`; returns the manifest.

    settings: the data set's name, kind and whatever else decides the pixels. processes: number of
    processes that decode. The same source gives the same bytes, with any number of processes and
    after any interruption: a call goes on where an earlier one with the same settings, raw files
    and code was ended (see partial.py). Where another process is at it in the same directory, it
    waits, and takes over what that one finished if it was the same. Writes a line of progress to
    stderr every few seconds.

    Raises UserError where there are no two images that differ, not as many as the source expects,
    too many that cannot be read, or a class without any; ValueError where an image has another
    shape than the source says.
    """
    directory, name = Path(directory), settings["name"]
    if source.count is not None:
        _check_count(name, source, source.count)
    state = raw_state(settings["kind"], settings.get("root"))
    fingerprint = _fingerprint(settings, state)
    with locked(directory / ".lock", fingerprint) as earlier:
        manifest = _finished(directory, name, source) if earlier == fingerprint else None
        return manifest or _write(directory, settings, source, processes, state, fingerprint)


def _finished(directory: Path, name: str, source: Source) -> dict[str, Any] | None:
    """The manifest of what another process has finished meanwhile."""
    try:
        manifest = PackedDataset.open(directory).manifest
    except UserError:
        return None
    items = manifest["images"] + len(manifest["skipped"])
    # The limits of this process may be others.
    _check_count(name, source, items)
    _check_skipped(name, source, Tally(manifest.get("skipped_reasons", [])), items)
    print(f"{name}: prepared by another process meanwhile", file=sys.stderr, flush=True)
    return manifest


def _write(
    directory: Path, settings: dict, source: Source, processes: int, state: str, fingerprint: str
) -> dict[str, Any]:
    name = settings["name"]
    # A manifest left by an earlier run must not vouch for the arrays written now.
    (directory / "manifest.json").unlink(missing_ok=True)
    with Partial(directory, source.shape, fingerprint) as partial:
        if partial.items:
            print(f"{name}: going on after {partial.items} images", file=sys.stderr, flush=True)
        _decode_all(name, source, partial, processes)
        _check_count(name, source, partial.items)
        if source.count not in (None, partial.items):
            raise UserError(
                f"datasets.{name}: {partial.items} images were read of {source.count} listed: "
                "the raw files changed meanwhile, run the same command again"
            )
        _check_two(name, source, partial)
        labels, digest = partial.finish()
    images = np.load(directory / "images.npy", mmap_mode="r", allow_pickle=False)
    counts = np.bincount(labels[labels >= 0], minlength=len(source.class_names)).tolist()
    try:
        _check_content(name, source, images, counts, partial.reasons)
    except UserError:
        partial.discard()
        for file in ("images.npy", "labels.npy"):
            (directory / file).unlink()
        raise
    manifest = {
        "name": name,
        "kind": settings["kind"],
        "images": labels.size,
        "height": source.shape[0],
        "width": source.shape[1],
        "channels": source.shape[2],
        "classes": len(source.class_names),
        "class_names": source.class_names,
        "class_counts": counts,
        "resize": source.resize,
        "source": source.source,
        "licence": source.licence,
        "raw_state": state,
        "settings": {key: settings[key] for key in settings if key not in NOT_PIXELS},
        "skipped": partial.skipped,
        "skipped_reasons": partial.reasons.rows(),
        "unused": list(source.unused),
        "remarks": partial.remarks.rows(),
        "warnings": _warnings(settings, partial.highest),
        "sha256": digest,
        "sample_sha256": sample_digest(images, labels),
    }
    write_json(directory / "manifest.json", manifest)
    partial.discard()
    return manifest


def _warnings(settings: dict, highest: int) -> list[str]:
    dark = dark_pictures(settings["name"], highest) if highest else None
    return [dark] if dark and settings.get("bits") is None else []


def _decode_all(name: str, source: Source, partial: Partial, processes: int) -> None:
    total = source.expected if source.count is None else source.count
    progress = ProgressLine(name, "images", total, partial.items, CHECKPOINT_SECONDS)
    # closing: an error here must end the processes before anything else happens.
    with closing(decoded(source, partial.items, processes)) as chunks:
        for chunk in chunks:
            partial.append(chunk)
            if chunk.skipped and total is not None:
                _check_skipped(name, source, partial.reasons, total)
            if progress.due():
                partial.checkpoint()
                progress.report(partial.items)
    partial.checkpoint()
    _check_skipped(name, source, partial.reasons, partial.items)


def _check_count(name: str, source: Source, found: int) -> None:
    if source.expected not in (None, found):
        raise UserError(
            f"datasets.{name}.expected_images: {found} images, not {source.expected}: complete "
            f"the data set, or set expected_images to {found}, or to null for any number"
        )


def _check_skipped(name: str, source: Source, reasons: Tally, total: int) -> None:
    share = source.max_skipped_share
    if reasons.total > share * total:
        raise UserError(
            f"datasets.{name}.root: {reasons.total} of {total} images cannot be read, more than "
            f"{100 * share:g} %: {counted(reasons.rows())}. Repair or remove them, or raise "
            "max_skipped_share"
        )


def _check_two(name: str, source: Source, partial: Partial) -> None:
    """A covariance needs two images."""
    if partial.images < 2:
        unread = f" ({counted(partial.reasons.rows())})" if partial.skipped else ""
        found = "1 image only" if partial.images else "no images"
        raise UserError(
            f"datasets.{name}: {source.source} holds {found} that can be read{unread}: "
            "at least two are needed"
        )


def _check_content(
    name: str, source: Source, images: np.ndarray, counts: list[int], reasons: Tally
) -> None:
    """What is known only once all images are decoded."""
    empty = [each for each, count in zip(source.class_names, counts, strict=True) if not count]
    if empty:
        others = f" (one of {len(empty)} such)" if len(empty) > 1 else ""
        unread = f" ({counted(reasons.rows())})" if reasons.total else ""
        raise UserError(
            f"datasets.{name}.root: class {empty[0]!r}{others} has no image that can be "
            f"read{unread}: repair its pictures or take the class away"
        )
    if all(np.array_equal(images[0], image) for image in images[1:]):
        raise UserError(
            f"datasets.{name}: all {len(images)} images are the same once they are resized: no "
            "distance can be computed to them, use images that differ"
        )


def _fingerprint(settings: dict, state: str) -> str:
    """Digest of all that decides the pixels: settings, raw files, code and libraries."""
    pixels = {key: value for key, value in settings.items() if key not in LIMITS}
    code = [sha256(path) for path in sorted(_code(settings["kind"]))]
    made_from = [pixels, state, code, PIL.__version__, np.__version__]
    return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()


def _code(kind: str) -> set[Path]:
    """The files of this package, and those of another one that brings the kind."""
    point = outside.brought(outside.group_of("data.kinds")).get(kind)
    others = outside.files_of(point).values() if point else ()
    return {*Path(__file__).parent.rglob("*.py"), *others}
