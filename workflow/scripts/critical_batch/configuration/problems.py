"""Problems of a configuration: where, and what to do, on one line."""

import re
from typing import Any

KeyPath = list[str | int]
Problem = tuple[KeyPath, str]
"""Where, and a message that ends in the remedy."""


def dotted(path: KeyPath) -> str:
    """A path as text on one line: `experiments.dcgan-fashion.seeds[0]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            plain = re.fullmatch(r"[\w-]+", part) and len(part) <= 64
            text += "." * bool(text) + (part if plain else shown(part))
    return text


def shown(value: Any) -> str:
    """A value as the user may have written it, on one line and not long."""
    try:
        text = str(value).lower() if isinstance(value, bool) else repr(value)
    except ValueError:  # more digits than Python writes out
        text = "a number of thousands of digits"
    return text if len(text) <= 120 else text[:117] + "..."
