"""Runs the benchmarks and prints one table; `make bench` calls it."""

import argparse
import importlib
import os
import platform
import sys
from dataclasses import asdict
from pathlib import Path

ON_ONE_THREAD = ("steps", "preparation", "startup", "workflows")
BENCHMARKS = ("steps", "distances", "evaluation", "preparation", "startup", "workflows")
ROOT = Path(__file__).parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}")
    parser.add_argument("--quick", action="store_true", help="a try-out: few rounds, small sizes")
    parser.add_argument("--output", type=Path, default=ROOT / "results/bench")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"no benchmark {', '.join(sorted(unknown))}: use {', '.join(BENCHMARKS)}")
    # Threads are a property of the comparison, set before torch is imported: steps run on one, as
    # training jobs do, FIDs on all, like the peers' NumPy.
    sys.path.insert(0, str(ROOT / "workflow/scripts"))
    import pandas as pd
    import torch

    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "machine.txt").write_text(machine(torch.__version__))
    print(machine(torch.__version__), flush=True)
    for name in arguments.names or BENCHMARKS:
        torch.set_num_threads(1 if name in ON_ONE_THREAD else len(os.sched_getaffinity(0)))
        rows = importlib.import_module(name).measure(arguments.quick)
        table = pd.DataFrame([asdict(row) for row in rows])
        table.to_csv(arguments.output / f"{name}.csv", index=False, float_format="%.6g")
        print(markdown(table), flush=True)


def machine(torch_version: str) -> str:
    """Processor, cores and versions, in one line."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if sys.platform == "linux" else []
    names = {line.split(": ")[1] for line in lines if line.startswith("model name")}
    processor = ", ".join(sorted(names)) or platform.processor()
    cores = len(os.sched_getaffinity(0))
    versions = f"Python {platform.python_version()}, torch {torch_version}"
    return f"{cores} cores ({processor}), {platform.system()}, {versions}\n"


def markdown(table) -> str:
    """The table as Markdown, a line per candidate."""
    lines = ["| benchmark | case | candidate | seconds | by ours | quartiles |"]
    lines.append("|---|---|---|---:|---:|---|")
    for row in table.itertuples():
        lines.append(
            f"| {row.benchmark} | {row.case} | {row.candidate} | {row.seconds:.4g} "
            f"| {row.ratio:.2f} | {row.low:.2f} to {row.high:.2f} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
