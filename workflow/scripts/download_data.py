"""Fetches the archive of a published data set, where that needs no account."""

import argparse

from ttur.data.kinds import published
from ttur.download import download
from ttur.errors import UserError, run


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
    run(main)
