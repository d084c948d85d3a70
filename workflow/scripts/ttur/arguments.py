"""Command-line values that the scripts share."""

import argparse
import json
from pathlib import Path
from typing import Any


def add_figure_options(parser: argparse.ArgumentParser) -> None:
    """What the figures of an experiment are told: its names, and the folder they go into."""
    for name in ("experiment", "section", "title", "metric"):
        parser.add_argument(f"--{name}", required=True, metavar="TEXT")
    parser.add_argument("--output-dir", required=True, type=Path, metavar="FOLDER")


def json_value(text: str) -> Any:
    """Inline JSON, or @path of a JSON file; argparse reports what is neither."""
    try:
        return json.loads(Path(text[1:]).read_text() if text.startswith("@") else text)
    except (OSError, json.JSONDecodeError) as error:
        raise argparse.ArgumentTypeError(f"not JSON: {error}") from None
