"""One file out of a zip archive of unknown origin."""

import errno
import os
import shutil
import stat
import zipfile
import zlib
from pathlib import Path

from ..runtime.errors import UserError
from ..runtime.locks import locked

BLOCK = 1 << 20
MAX_BYTES = 128 << 30
MAX_MEMBERS = 1000


def unpack_member(
    archive: str | Path, member: str, path: str | Path, max_bytes: int = MAX_BYTES
) -> None:
    """Writes the file `member` of a zip archive to `path`; its CRC-32 is checked.

    Nothing else in the archive is read, and names in it decide nothing about where to write. The
    file grows as `.NAME.partial` beside `path`. Raises UserError where the archive is damaged, has
    no such file or more than `MAX_MEMBERS`, or the file is a link, encrypted, or longer than
    `max_bytes`. Where another process is unpacking the same, it waits and takes over what that one
    wrote.
    """
    path, purpose = Path(path), f"{archive}: {member}"
    with locked(path.with_name(f".{path.name}.lock"), purpose) as earlier:
        if earlier != purpose or not path.exists():
            _unpack(archive, member, path, max_bytes)


def _unpack(archive: str | Path, member: str, path: Path, max_bytes: int) -> None:
    partial = path.with_name(f".{path.name}.partial")
    try:
        with zipfile.ZipFile(archive) as files:
            members = len(files.infolist())
            if members > MAX_MEMBERS:
                raise UserError(
                    f"{archive} has {members} members, more than {MAX_MEMBERS}: download it again"
                )
            info = _checked(archive, files.getinfo(member), max_bytes)
            with files.open(info) as source, open(partial, "wb") as target:
                shutil.copyfileobj(source, target, BLOCK)
                target.flush()
                os.fsync(target.fileno())
    except FileNotFoundError:
        raise UserError(f"{archive} is missing: download it") from None
    except KeyError:
        raise UserError(f"{archive} has no {member}: download it again") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, RuntimeError, OSError) as error:
        # A damaged position is an invalid seek; a full disk, say, is not the archive's fault.
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        partial.unlink(missing_ok=True)
        text = " ".join(str(error).split())
        raise UserError(f"{archive} is damaged ({text}): download it again") from None
    os.replace(partial, path)


def _checked(archive: str | Path, info: zipfile.ZipInfo, max_bytes: int) -> zipfile.ZipInfo:
    problem = None
    if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
        problem = "is not a regular file"
    elif info.flag_bits & 1:
        problem = "is encrypted"
    elif info.file_size > max_bytes:
        problem = f"has {info.file_size} bytes, more than {max_bytes}"
    if problem:
        raise UserError(f"{archive}: {info.filename} {problem}: download it again")
    return info
