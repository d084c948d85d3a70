"""What was not used, counted: how many by reason, with the first example of each."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

MOST_REASONS = 20
OTHER = "other reasons"


class Tally:
    """Counts by reason. Reasons that differ in numbers only are one, called as the first was.

    Holds at most `MOST_REASONS` and one for all others, whatever is added.
    """

    def __init__(self, rows: Iterable[Mapping[str, Any]] = ()):
        self._rows: dict[str, dict[str, Any]] = {}
        for row in rows:
            self.add(row["reason"], row["example"], row["count"])

    def add(self, reason: str, example: str, count: int = 1) -> None:
        key = re.sub(r"[0-9]+", "0", reason)
        if key not in self._rows and len(self._rows.keys() - {OTHER}) >= MOST_REASONS:
            key = reason = OTHER
        row = self._rows.setdefault(key, {"reason": reason, "count": 0, "example": example})
        row["count"] += count

    @property
    def total(self) -> int:
        return sum(row["count"] for row in self._rows.values())

    def rows(self) -> list[dict[str, Any]]:
        """[{reason, count, example}], the most frequent first, others last; JSON-serialisable."""
        return sorted(
            map(dict, self._rows.values()),
            key=lambda row: (row["reason"] == OTHER, -row["count"], row["reason"]),
        )


def counted(rows: Iterable[Mapping[str, Any]], most: int = 5) -> str:
    """Rows of a tally on one line: "link to nothing (2, such as 'a/b'), empty file (1, 'c')"."""
    rows = list(rows)
    texts = [
        f"{row['reason']} ({row['count']}, {'such as ' * (row['count'] > 1)}{row['example']!r})"
        for row in rows[:most]
    ]
    left = sum(row["count"] for row in rows[most:])
    return ", ".join(texts + [f"{OTHER} ({left})"] * bool(left))
