"""Runs command lines of Snakemake in processes that begin with Snakemake imported.

Most of a dry run is imports, and the tests make two hundred. Reads one order a line from stdin, as
JSON, and answers with the exit code. All else is as with `python -m snakemake`: a process, a folder
and variables of its own. For jobs that run, and for variables that Python reads at its start, use
`Checkout.snakemake`.
"""

import json
import os
import sys

import snakemake.cli
import snakemake_executor_plugin_slurm  # noqa: F401


def run(words: list[str], folder: str, variables: dict[str, str], streams: list[str]) -> None:
    """The forked process; streams: the files that stdout and stderr go to."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    for number, file in enumerate(streams, start=1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.path[0] = folder
    sys.argv = [snakemake.cli.__file__, *words]
    snakemake.cli.main()


def main() -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            run(**json.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
