"""Fetches the archive of one of the paper's data sets, where that needs no account."""

import argparse

from ttur.data.sources import PUBLISHED
from ttur.download import download
from ttur.errors import UserError, run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=PUBLISHED, required=True)
    parser.add_argument("--output", required=True)
    arguments = parser.parse_args()
    published = PUBLISHED[arguments.kind]
    if published.archive is None:
        raise UserError(f"{published.title} cannot be downloaded by a program: {published.remedy}")
    archive = published.archive
    download(archive.url, arguments.output, archive.size, archive.sha256)


if __name__ == "__main__":
    run(main)
