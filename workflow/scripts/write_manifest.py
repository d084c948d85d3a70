"""Writes what produced the results: configuration, code, versions, machine, seeds and times."""

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
import time
from importlib.metadata import distributions
from pathlib import Path

from critical_batch.runs.reading import read_run
from critical_batch.runtime.cli import json_value
from critical_batch.runtime.errors import exit_cleanly
from critical_batch.runtime.files import write_json

GIT_LOCATION = (
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"),
    *("GIT_NAMESPACE", "GIT_PREFIX", "GIT_CEILING_DIRECTORIES"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=json_value, required=True, help="JSON, or @file")
    parser.add_argument("--runs-file", type=Path, required=True, help="paths of run.json")
    parser.add_argument("--output", required=True)
    arguments = parser.parse_args()
    records = [read_run(path) for path in arguments.runs_file.read_text().splitlines()]
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
            "packages": packages(),
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


def packages() -> dict[str, str]:
    """Name -> version of every installed package, by name; of two of a name the one imported.

    Folders that an installation left over have neither: they are named on stderr and left out.
    """
    found, broken = {}, []
    for distribution in distributions():
        try:
            name, version = distribution.metadata["Name"], distribution.version
        except Exception:  # whatever a damaged file of metadata makes its parser raise
            name = version = None
        if isinstance(name, str) and isinstance(version, str):
            found.setdefault(name, version)
        else:
            broken.append(str(getattr(distribution, "_path", distribution)))
    if broken:
        print(
            f"packages without readable metadata: {len(broken)} ({', '.join(broken)})",
            file=sys.stderr,
        )
    return dict(sorted(found.items()))


def git_state() -> dict[str, str | bool | None]:
    """The checked-out commit of this code, and whether files differ from it.

    Both null where it is no git checkout. What a hook of git hands down names another one.
    """
    shell = {name: text for name, text in os.environ.items() if name not in GIT_LOCATION}

    def git(*words: str) -> str:
        command = ["git", "-C", str(Path(__file__).parent), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True, env=shell).stdout

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
    exit_cleanly(main)
