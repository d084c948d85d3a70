"""From a source of raw images to a packed data set."""

import hashlib
import json
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import PIL

from ..errors import UserError
from ..files import sha256, write_json
from ..locks import locked
from ..progress import Progress
from .packed import PackedDataset, sample_digest
from .partial import Partial
from .source import Source
from .state import raw_state
from .workers import decoded

LIMITS = ("expected_images", "max_skipped_share")
"""Settings that decide whether images are accepted, not what they are."""

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

    Raises UserError where there are no images, not as many as the source expects, or too many that
    cannot be read; ValueError where an image has another shape than the source says.
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
    _check_skipped(name, source, manifest["skipped"], items)
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
        if not partial.images:
            raise UserError(f"datasets.{name}: {source.source} holds no images")
        labels, digest = partial.finish()
    images = np.load(directory / "images.npy", mmap_mode="r", allow_pickle=False)
    manifest = {
        "name": name,
        "kind": settings["kind"],
        "images": labels.size,
        "height": source.shape[0],
        "width": source.shape[1],
        "channels": source.shape[2],
        "classes": len(source.class_names),
        "class_names": source.class_names,
        "resize": source.resize,
        "source": source.source,
        "licence": source.licence,
        "raw_state": state,
        "skipped": partial.skipped,
        "sha256": digest,
        "sample_sha256": sample_digest(images, labels),
    }
    write_json(directory / "manifest.json", manifest)
    partial.discard()
    return manifest


def _decode_all(name: str, source: Source, partial: Partial, processes: int) -> None:
    total = source.expected if source.count is None else source.count
    progress = Progress(name, "images", total, partial.items, CHECKPOINT_SECONDS)
    # closing: an error here must end the processes before anything else happens.
    with closing(decoded(source, partial.items, processes)) as chunks:
        for chunk in chunks:
            partial.append(chunk)
            if chunk.skipped and total is not None:
                _check_skipped(name, source, partial.skipped, total)
            if progress.due():
                partial.checkpoint()
                progress.report(partial.items)
    partial.checkpoint()
    _check_skipped(name, source, partial.skipped, partial.items)


def _check_count(name: str, source: Source, found: int) -> None:
    if source.expected not in (None, found):
        raise UserError(
            f"datasets.{name}.expected_images: {found} images, not {source.expected}: complete "
            f"the data set, or set expected_images to {found}, or to null for any number"
        )


def _check_skipped(name: str, source: Source, skipped: list[str], total: int) -> None:
    share = source.max_skipped_share
    if len(skipped) > share * total:
        raise UserError(
            f"datasets.{name}.root: {len(skipped)} of {total} images cannot be read (the last is "
            f"{skipped[-1]!r}), more than {100 * share:g} %: repair or remove them, "
            "or raise max_skipped_share"
        )


def _fingerprint(settings: dict, state: str) -> str:
    """Digest of all that decides the pixels: settings, raw files, code and libraries."""
    pixels = {key: value for key, value in settings.items() if key not in LIMITS}
    code = [sha256(path) for path in sorted(Path(__file__).parent.glob("*.py"))]
    made_from = [pixels, state, code, PIL.__version__, np.__version__]
    return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()
