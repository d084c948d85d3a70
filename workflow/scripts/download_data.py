"""Fetches the archive of a published data set, where that needs no account."""

import argparse

from critical_batch.data.download import download
from critical_batch.data.kinds import published
from critical_batch.runtime.errors import UserError, exit_cleanly


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    sources = published()
    parser.add_argument("--kind", choices=sources, required=True)
    parser.add_argument("--output", required=True)
    arguments = parser.parse_args()
    source = sources[arguments.kind]
    if source.archive is None:
        raise UserError(f"{source.title} cannot be downloaded by a program: {source.remedy}")
    archive = source.archive
    download(archive.url, arguments.output, archive.size, archive.sha256)


if __name__ == "__main__":
    exit_cleanly(main)
