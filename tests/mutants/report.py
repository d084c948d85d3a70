"""The table of a run: faults, noticed, equivalent, survivors; and where the survivors are."""

import tomllib
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from faults import Fault


@dataclass(frozen=True)
class Tried:
    """A fault that was tried. path: of its module. noticed_by: the test that failed, or empty."""

    module: str
    path: str
    fault: Fault
    noticed_by: str
    cpu_seconds: float


@dataclass(frozen=True)
class Equivalents:
    """Faults that change nothing, known by module, function, source line and change.

    Line numbers would be others after every edit. numbers: of the faults that are alike in these,
    which are meant; None for all.
    """

    numbers: dict[tuple[str, str, str, str], Collection[int] | None]

    @classmethod
    def read(cls, path: Path) -> "Equivalents":
        """From a TOML file of tables [[equivalent]], each with one reason for its changes."""
        entries = tomllib.loads(path.read_text(encoding="utf-8")).get("equivalent", [])
        return cls(
            {
                (entry["module"], entry["function"], entry["source"], change): entry.get("numbers")
                for entry in entries
                for change in entry["changes"]
            }
        )

    def has(self, module: str, fault: Fault) -> bool:
        key = (module, fault.function, fault.source, fault.change)
        numbers = self.numbers.get(key, ())
        return numbers is None or fault.number in numbers

    def stale(self, module: str, faults: Sequence[Fault]) -> list[str]:
        """Entries of a module that are none of its faults, in words."""
        alike = Counter((fault.function, fault.source, fault.change) for fault in faults)
        return [
            f"{module}, {function}: `{source}`: `{change}`"
            for (of, *key), numbers in self.numbers.items()
            for function, source, change in [key]
            if of == module and alike[tuple(key)] < max(numbers or (1,))
        ]


def report(
    tried: Sequence[Tried], equivalents: Equivalents, stale: Sequence[str]
) -> tuple[str, bool]:
    """The report as Markdown, and whether nothing survived and every equivalent is one.

    Score: noticed of those that are no equivalents. stale: from `Equivalents.stale`.
    """
    lines = ["| module | faults | noticed | equivalent | survivors | score | CPU s |"]
    lines.append("|---|---:|---:|---:|---:|---:|---:|")
    names = list(dict.fromkeys(one.module for one in tried))
    for name in [*names, "together"]:
        these = [one for one in tried if name in (one.module, "together")]
        equal = [one for one in these if equivalents.has(one.module, one.fault)]
        others = [one for one in these if one not in equal]
        noticed = sum(bool(one.noticed_by) for one in others)
        score = f"{100 * noticed / len(others):.0f} %" if others else ""
        seconds = sum(one.cpu_seconds for one in these)
        cells = (
            name,
            len(these),
            noticed,
            len(equal),
            len(others) - noticed,
            score,
            round(seconds),
        )
        lines.append("| " + " | ".join(map(str, cells)) + " |")

    survivors, wrong = [], []
    for one in tried:
        fault, equal = one.fault, equivalents.has(one.module, one.fault)
        where = f"- {one.path}:{fault.line} {fault.function} ({fault.kind}): `{fault.change}`"
        if not one.noticed_by and not equal:
            survivors.append(where)
        if one.noticed_by and equal:
            wrong.append(f"{where}, by {one.noticed_by}")
    named = {
        "Survivors": survivors,
        "Equivalents that a test notices": wrong,
        "Equivalents that are no fault of their module": [f"- {one}" for one in stale],
    }
    for title, found in named.items():
        if found:
            lines += ["", f"{title}:", "", *found]
    return "\n".join(lines) + "\n", not any(named.values())
