"""Whether two versions of the code train the same numbers, to the last digit of history.csv.

    python benchmarks/same_numbers.py 38d81ac HEAD                      # runs both, config.yaml
    python benchmarks/same_numbers.py HEAD~1 . --configfile tests/config.smoke.yaml
    python benchmarks/same_numbers.py ../before/results ../after/results    # of finished runs

A version is a commit, `.` for the working tree (files that git knows), or a folder
`results` of a finished run. Compare runs of one machine only: processors round differently. Exits
with status 1 where a number differs or a job is missing on one side.
"""

import argparse
import csv
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
MEASURES = (
    "generator_loss",
    "discriminator_loss",
    "generator_gradient_norm",
    "discriminator_gradient_norm",
)
Number = tuple[str, str]
"""A value and the number of samples that it is of, as text."""

History = dict[tuple[str, str], dict[str, Number]]
"""(seed, step) -> its numbers by name."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("before", help="commit, `.` or folder of results")
    parser.add_argument("after", help="commit, `.` or folder of results")
    parser.add_argument("--configfile", default="config.yaml")
    parser.add_argument("--cores", type=int, default=2)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = []
        for place, version in enumerate((arguments.before, arguments.after)):
            results = Path(version)
            if version == "." or not results.is_dir():
                checkout = checked_out(version, Path(folder, str(place)))
                results = trained(checkout, arguments.configfile, arguments.cores)
            found.append(histories(results))
    lines = list(differences(*found))
    print("\n".join(lines))
    rows = sum(map(len, found[0].values()))
    print(f"{len(found[0])} and {len(found[1])} jobs, {rows} evaluations, {len(lines)} differences")
    sys.exit(bool(lines) or not found[0])


def checked_out(version: str, target: Path) -> Path:
    """A copy of a commit, or of the working tree, in a folder of its own."""
    git = ["git", "-C", str(ROOT)]
    commit = "HEAD" if version == "." else version
    subprocess.run(["git", "clone", "--quiet", "--shared", str(ROOT), str(target)], check=True)
    name = subprocess.run([*git, "rev-parse", commit], check=True, capture_output=True, text=True)
    subprocess.run(["git", "-C", target, "checkout", "-q", name.stdout.strip()], check=True)
    if version == ".":
        patch = subprocess.run([*git, "diff", "--binary", "HEAD"], check=True, capture_output=True)
        if patch.stdout:
            subprocess.run(["git", "-C", target, "apply"], input=patch.stdout, check=True)
    return target


def trained(checkout: Path, configfile: str, cores: int) -> Path:
    """The folder of results after every training of a configuration."""
    command = [sys.executable, "-m", "snakemake", "train", "--cores", str(cores), "--quiet", "all"]
    subprocess.run([*command, "--configfile", configfile], cwd=checkout, check=True)
    return checkout / "results"


def histories(results: Path) -> dict[str, History]:
    """Job (its folder below runs/) -> its history."""
    found = {}
    for path in sorted((results / "runs").rglob("history.csv")):
        history: History = {}
        with open(path, newline="") as file:
            for row in csv.DictReader(file):
                history.setdefault((row["seed"], row["step"]), {}).update(numbers(row))
        found[str(path.parent.relative_to(results / "runs"))] = history
    return found


def numbers(row: dict[str, str]) -> dict[str, Number]:
    """The numbers in a row: one, or all of an evaluation in a history of earlier versions."""
    if "metric" in row:
        return {row["metric"]: (row["value"], row["samples"])}
    others = {name: (row[name], "") for name in MEASURES if name in row}
    return {"fid": (row["fid"], row.get("scored", "")), **others}


def differences(before: dict[str, History], after: dict[str, History]) -> Iterator[str]:
    """A line per job that is missing or whose numbers differ: the first number that does."""
    for job in sorted(before.keys() | after.keys()):
        if job not in before or job not in after:
            yield f"{job}: only {'after' if job in after else 'before'}"
            continue
        one, two = before[job], after[job]
        if one.keys() != two.keys():
            seed, step = min(one.keys() ^ two.keys(), key=lambda key: (int(key[1]), key[0]))
            yield f"{job}: seed {seed} was evaluated at step {step} in one of them only"
            continue
        for (seed, step), mine in one.items():
            other = two[seed, step]
            differing = [name for name in mine if name in other and mine[name] != other[name]]
            if differing:
                name = differing[0]
                pairs = (f"{value} of {samples}" for value, samples in (mine[name], other[name]))
                words = ", then ".join(pair.removesuffix(" of ") for pair in pairs)
                yield f"{job}: seed {seed}, step {step}: {name} {words}"
                break


if __name__ == "__main__":
    main()
