"""Looks at --configfile and --config on a Snakemake command line before Snakemake reads them."""

import argparse
import re
import sys

from critical_batch.configuration import check_file, shown
from critical_batch.runtime.errors import UserError, exit_cleanly


def main() -> None:
    # The other options are Snakemake's own.
    parser = argparse.ArgumentParser(description=__doc__, add_help=False, allow_abbrev=False)
    parser.add_argument("--configfile", "--configfiles", nargs="+", default=[], metavar="FILE")
    parser.add_argument("--config", "-C", nargs="*", default=[], metavar="KEY=VALUE")
    arguments, _ = parser.parse_known_args(options(sys.argv[1:]))
    for path in arguments.configfile:
        check_file(path)
    for word in arguments.config:
        if not re.match(r"[A-Za-z_][\w-]*\w=", word):
            raise UserError(
                f"config: --config {shown(word)}: write KEY=VALUE, as in device=cuda or "
                "'experiments={my-gan: {limits: {steps: 5}}}'"
            )


def options(words: list[str]) -> list[str]:
    """The words before `--`; behind it are targets."""
    return words[: words.index("--")] if "--" in words else words


if __name__ == "__main__":
    exit_cleanly(main)
