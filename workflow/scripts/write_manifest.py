"""Writes what produced the results: configuration, code, versions, machine, seeds and times."""

import argparse
import hashlib
import json
import os
import platform
import subprocess
import time
from importlib.metadata import distributions
from pathlib import Path

from ttur.arguments import json_value
from ttur.errors import run
from ttur.files import write_json
from ttur.records import read_record


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=json_value, required=True, help="JSON, or @file")
    parser.add_argument("--runs-file", type=Path, required=True, help="paths of run.json")
    parser.add_argument("--output", required=True)
    arguments = parser.parse_args()
    records = [read_record(path) for path in arguments.runs_file.read_text().splitlines()]
    canonical = json.dumps(arguments.config, sort_keys=True).encode()
    write_json(
        arguments.output,
        {
            "written": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "code": git_state(),
            "config_sha256": hashlib.sha256(canonical).hexdigest(),
            "config": arguments.config,
            "host": {
                "system": platform.system(),
                "machine": platform.machine(),
                "processor": processor(),
                "cores": os.cpu_count(),
                "python": platform.python_version(),
            },
            "packages": {d.name: d.version for d in sorted(distributions(), key=lambda d: d.name)},
            "training": {
                "jobs": len(records),
                "seeds": sum(len(record["seeds"]) for record in records),
                "seconds": round(sum(record["seconds"] for record in records), 1),
                "devices": sorted({record["device"] for record in records}),
                "versions": unique([record["versions"] for record in records]),
            },
            "runs": [
                {key: record[key] for key in ("experiment", "optimizer", "batch_size", "seeds")}
                | {"seconds": record["seconds"]}
                | {"statuses": [result["status"] for result in record["results"]]}
                for record in records
            ],
        },
    )


def git_state() -> dict[str, str | bool | None]:
    """The checked-out commit and whether files differ from it; null outside a git checkout."""

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], capture_output=True, text=True, check=True).stdout

    try:
        return {
            "commit": git("rev-parse", "HEAD").strip(),
            "modified": bool(git("status", "--porcelain")),
        }
    except (OSError, subprocess.CalledProcessError):
        return {"commit": None, "modified": None}


def processor() -> str:
    """The processor's name as Linux knows it, else what Python knows."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor()


def unique(values: list[dict]) -> list[dict]:
    """The different values, in order."""
    return [value for index, value in enumerate(values) if value not in values[:index]]


if __name__ == "__main__":
    run(main)
