"""Packs one data set: images.npy, labels.npy and, last, manifest.json."""

import argparse

from ttur.arguments import json_value
from ttur.data.kinds import KINDS
from ttur.data.packing import write_packed
from ttur.errors import UserError, run


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
    if kind not in KINDS:
        raise UserError(f"datasets.{name}.kind: {kind!r} is not one of {', '.join(KINDS)}")
    if arguments.threads < 1:
        raise UserError(f"--threads {arguments.threads}: use at least 1")
    source = KINDS[kind](settings)
    manifest = write_packed(arguments.output_dir, settings, source, arguments.threads)
    print(f"{name}: {manifest['images']} images, {len(manifest['skipped'])} skipped")


if __name__ == "__main__":
    run(main)
