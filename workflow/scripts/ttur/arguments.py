"""Command-line values that the scripts share."""

import argparse
import json
from pathlib import Path
from typing import Any


def add_figure_options(parser: argparse.ArgumentParser) -> None:
    """What every figure is told: whose it is, what its metric is called, where it goes."""
    for name in ("experiment", "section", "title", "metric"):
        parser.add_argument(f"--{name}", required=True, metavar="TEXT")
    for name in ("output-pdf", "output-png", "data"):
        parser.add_argument(f"--{name}", required=True, metavar="FILE", help="file to write")


def json_value(text: str) -> Any:
    """Inline JSON, or @path of a JSON file; argparse reports what is neither."""
    try:
        return json.loads(Path(text[1:]).read_text() if text.startswith("@") else text)
    except (OSError, json.JSONDecodeError) as error:
        raise argparse.ArgumentTypeError(f"not JSON: {error}") from None
