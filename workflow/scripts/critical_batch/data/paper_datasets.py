"""Published data sets: where their files come from and on which terms; files that are missing."""

from dataclasses import dataclass
from pathlib import Path

from ..runtime.errors import UserError
from .settings import AS_PUBLISHED


@dataclass(frozen=True)
class Archive:
    """A file that may be downloaded without an account, and what to unpack from it.

    size in bytes, sha256 of all of it. member: the one file wanted from the archive, by its path
    in the data set's root, where the archive is unpacked.
    """

    url: str
    name: str
    size: int
    sha256: str
    member: str


@dataclass(frozen=True)
class Published:
    """A data set that others publish. remedy: how to get its files, in one line."""

    title: str
    page: str
    licence: str
    remedy: str
    archive: Archive | None = None

    def existing(self, root: str, name: str, where: str) -> Path:
        """The path of `name` in the data set's root; UserError with the remedy without it.

        where: what messages call the data set's settings.
        """
        path = Path(root) / name
        if not path.exists():
            raise self.missing(path.absolute(), where)
        return path

    def missing(self, what: object, where: str) -> UserError:
        """The error that names what is missing, and the remedy."""
        return UserError(f"{where}.root: {what} is missing: {self.remedy}")


def expected(given: int | None, published: int) -> int | None:
    """How many images there must be, None for any number. given: the key `expected_images`."""
    return published if given == AS_PUBLISHED else given
