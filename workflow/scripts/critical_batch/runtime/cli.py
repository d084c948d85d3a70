"""Command-line values that the scripts share."""

import argparse
import json
from pathlib import Path
from typing import Any


def json_value(text: str) -> Any:
    """Inline JSON, or @path of a JSON file; argparse reports what is neither."""
    try:
        return json.loads(Path(text[1:]).read_text() if text.startswith("@") else text)
    except (OSError, json.JSONDecodeError) as error:
        raise argparse.ArgumentTypeError(f"not JSON: {error}") from None
