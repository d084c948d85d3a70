"""Puts faults into modules of the library, one at a time, and counts those that tests notice.

    python tests/mutants/run.py [--sample 40] [--jobs 1] [MODULE ...]

MODULE: a name of modules.toml, or a pattern of such names (`training/*`); without one, all. What
was tried is kept in results/mutants/, so a run that was ended goes on, and one after new tests
tries only what survived; a changed module is tried anew. Prints its report, and writes it to
results/mutants/report.md.
"""

import argparse
import csv
import random
import signal
import sys
import tempfile
import time
import tomllib
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from copies import LIBRARY, Copy, Outcome, digest, preload
from faults import Fault, faults_of
from report import Equivalents, Tried, report

CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass
class Module:
    """A module under trial. name: as in modules.toml. path: below the library's folder.

    faults: by their place among all that can be made, which `digest` is of, with the text.
    """

    name: str
    path: str
    tests: list[str]
    text: str
    faults: dict[int, Fault]
    digest: str
    tests_digest: str

    @classmethod
    def read(cls, checkout: Path, name: str, settings: dict, sample: int, seed: int) -> "Module":
        """With all faults, or `sample` of them, drawn by seed and name."""
        path = f"{settings['package']}/{name}.py"
        if not (checkout / LIBRARY / path).exists():
            path = f"{settings['package']}/{name}/__init__.py"
        text = (checkout / LIBRARY / path).read_text(encoding="utf-8")
        made = faults_of(text)
        faults = dict(enumerate(made))
        if sample and sample < len(faults):
            # A larger sample holds the smaller one.
            order = random.Random(f"{seed} {name}").sample(sorted(faults), len(faults))
            faults = {place: faults[place] for place in sorted(order[:sample])}
        tests = settings["modules"][name]
        files = sorted({test.split("::")[0] for test in tests if not test.startswith("-")})
        contents = [(checkout / file).read_bytes() for file in [*files, *settings["shared"]]]
        of_module = digest(text, *(fault.change for fault in made))
        return cls(name, path, tests, text, faults, of_module, digest(*tests, *contents))


class Kept:
    """What was tried of a module, in results/mutants/{module}.csv, a fault a row."""

    COLUMNS = (
        "module_digest",
        "tests_digest",
        "place",
        "line",
        "change",
        "noticed_by",
        "cpu_seconds",
    )

    def __init__(self, folder: Path, module: Module):
        self._file = folder / f"{module.name.replace('/', '.')}.csv"
        self._of, self._tests = module.digest, module.tests_digest
        self.rows: dict[int, dict[str, str]] = {}
        if self._file.exists():
            with open(self._file, newline="", encoding="utf-8") as file:
                rows = [row for row in csv.DictReader(file) if row["module_digest"] == self._of]
            self.rows = {int(row["place"]): row for row in rows}

    def to_try(self, faults: dict[int, Fault]) -> list[int]:
        """Faults never tried, and survivors of other tests than these."""
        known = {
            place
            for place, row in self.rows.items()
            if row["noticed_by"] or row["tests_digest"] == self._tests
        }
        return [place for place in faults if place not in known]

    def add(self, place: int, fault: Fault, outcome: Outcome) -> None:
        values = (self._of, self._tests, place, fault.line, fault.change, outcome.noticed_by)
        row = dict(zip(self.COLUMNS, [*values, f"{outcome.cpu_seconds:.1f}"], strict=True))
        self.rows[place] = {name: str(value) for name, value in row.items()}
        self._file.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._file.with_suffix(".partial")
        with open(temporary, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, self.COLUMNS)
            writer.writeheader()
            writer.writerows(self.rows[key] for key in sorted(self.rows))
        temporary.replace(self._file)


def try_faults(module: Module, kept: Kept, copies: list[Copy]) -> None:
    """Tries what is left of a module, as many faults at a time as there are copies."""
    waiting = kept.to_try(module.faults)
    if not waiting:
        return
    clean = _finished(copies[0], module, module.text, None)
    if clean.noticed_by:
        sys.exit(f"error: {module.name}: its tests fail without a fault: {clean.noticed_by}")
    print(f"{module.name}: {len(waiting)} faults, {clean.cpu_seconds:.0f} s each", file=sys.stderr)
    at_work: dict[Copy, int] = {}
    while waiting or at_work:
        for copy in copies:
            if copy not in at_work and waiting:
                at_work[copy] = waiting.pop(0)
                text = module.faults[at_work[copy]].applied(module.text)
                copy.start(module.path, text, module.tests, clean)
            if copy in at_work and (outcome := copy.ended()):
                place = at_work.pop(copy)
                kept.add(place, module.faults[place], outcome)
        time.sleep(0.02)


def _finished(copy: Copy, module: Module, text: str, clean: Outcome | None) -> Outcome:
    copy.start(module.path, text, module.tests, clean)
    while not (outcome := copy.ended()):
        time.sleep(0.02)
    return outcome


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("modules", nargs="*", metavar="MODULE")
    parser.add_argument("--sample", type=int, default=40, help="faults of a module; 0: all")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--jobs", type=int, default=1, choices=(1, 2), help="faults at a time")
    parser.add_argument("--checkout", type=Path, default=CHECKOUT, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    checkout = options.checkout.resolve()
    folder = checkout / "tests/mutants"
    settings = tomllib.loads((folder / "modules.toml").read_text(encoding="utf-8"))
    patterns = options.modules or ["*"]
    for pattern in patterns:
        if not any(fnmatch(name, pattern) for name in settings["modules"]):
            sys.exit(f"error: {pattern} is no module of tests/mutants/modules.toml")
    names = [n for n in settings["modules"] if any(fnmatch(n, pattern) for pattern in patterns)]

    # So that the copies go, whoever ends the run.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    equivalents = Equivalents.read(folder / "equivalents.toml")
    preload(settings["preload"])
    tried, stale = [], []
    with tempfile.TemporaryDirectory(prefix="critical-batch-mutants-") as temporary:
        # All is read and copied now: what is edited later belongs to the next run.
        modules = [
            Module.read(checkout, name, settings, options.sample, options.seed) for name in names
        ]
        kept = [Kept(checkout / "results/mutants", module) for module in modules]
        copies: list[Copy] = []
        try:
            if any(each.to_try(module.faults) for each, module in zip(kept, modules, strict=True)):
                places = range(options.jobs)
                copies = [Copy(checkout, Path(temporary, str(place))) for place in places]
            for each, module in zip(kept, modules, strict=True):
                stale += equivalents.stale(module.name, faults_of(module.text))
                try_faults(module, each, copies)
                for place, fault in module.faults.items():
                    noticed_by = each.rows[place]["noticed_by"]
                    seconds = float(each.rows[place]["cpu_seconds"])
                    tried.append(Tried(module.name, module.path, fault, noticed_by, seconds))
        finally:
            for copy in copies:
                copy.stop()
    text, sound = report(tried, equivalents, stale)
    (checkout / "results/mutants").mkdir(parents=True, exist_ok=True)
    (checkout / "results/mutants/report.md").write_text(text, encoding="utf-8")
    print(text)
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
