"""Packs one data set: images.npy, labels.npy and, last, manifest.json."""

import argparse

from critical_batch.data.kinds import DATASET_KINDS, source_of
from critical_batch.data.packing import write_packed
from critical_batch.data.tally import counted
from critical_batch.runtime.cli import json_value
from critical_batch.runtime.errors import UserError, exit_cleanly

MOST_CLASSES = 50
"""Named in the log; the manifest and the report have all."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", type=json_value, required=True, help="JSON, or @file")
    parser.add_argument("--output-dir", required=True)
    parser.add_argument("--threads", type=int, default=1, help="processes that decode images")
    arguments = parser.parse_args()
    settings = arguments.settings
    if not isinstance(settings, dict) or not isinstance(settings.get("name"), str):
        raise UserError("--settings must be an object with name, kind and the keys of that kind")
    name, kind = settings["name"], settings.get("kind")
    if kind not in DATASET_KINDS:
        raise UserError(f"datasets.{name}.kind: {kind!r} is not one of {', '.join(DATASET_KINDS)}")
    if arguments.threads < 1:
        raise UserError(f"--threads {arguments.threads}: use at least 1")
    source = source_of(settings)
    manifest = write_packed(arguments.output_dir, settings, source, arguments.threads)
    print("\n".join(summary(manifest)))


def summary(manifest: dict) -> list[str]:
    """What was packed and what was not, in lines for the log."""
    name = manifest["name"]
    lines = [f"{name}: {manifest['images']} images, {len(manifest['skipped'])} skipped"]
    pairs = list(zip(manifest["class_names"], manifest["class_counts"], strict=True))
    if pairs:
        shown = ", ".join(f"{label!r} {count}" for label, count in pairs[:MOST_CLASSES])
        more = f", and {len(pairs) - MOST_CLASSES} more" if len(pairs) > MOST_CLASSES else ""
        lines.append(f"{name}: {len(pairs)} classes: {shown}{more}")
    for key, words in (
        ("skipped_reasons", "skipped"),
        ("unused", "not used"),
        ("remarks", "used, but"),
    ):
        if manifest[key]:
            lines.append(f"{name}: {words}: {counted(manifest[key])}")
    return lines + [f"warning: {text}" for text in manifest["warnings"]]


if __name__ == "__main__":
    exit_cleanly(main)
