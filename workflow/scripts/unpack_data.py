"""Unpacks the one file that is wanted from a downloaded archive of a published data set."""

import argparse

from critical_batch.data.kinds import published
from critical_batch.data.unpack import unpack_member
from critical_batch.runtime.errors import UserError, exit_cleanly


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    sources = published()
    parser.add_argument("--kind", choices=sources, required=True)
    parser.add_argument("--archive", required=True)
    parser.add_argument("--output", required=True)
    arguments = parser.parse_args()
    archive = sources[arguments.kind].archive
    if archive is None:
        raise UserError(f"--kind {arguments.kind}: there is no archive to unpack")
    unpack_member(arguments.archive, archive.member, arguments.output)


if __name__ == "__main__":
    exit_cleanly(main)
