"""run.json: the record of a training job, with digests by which damage is found."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..runtime.errors import UserError
from ..runtime.files import read_json, sha256, write_json

FILES, OWN = "files", "record_sha256"


def write_record(path: str | Path, record: Mapping[str, Any], beside: Iterable[Path]) -> None:
    """Writes a record, atomically, with the SHA-256 of files in the same folder and of itself."""
    record = {**record, FILES: {file.name: sha256(file) for file in beside}}
    write_json(path, {**record, OWN: _digest(record)})


def read_record(path: str | Path) -> dict[str, Any]:
    """Reads a record; UserError, naming it, where it is missing or is not what was written."""
    record = read_json(path)
    if not isinstance(record, dict):
        raise UserError(f"{path} is not the record of a run: delete it and run again")
    if record.pop(OWN, None) not in (None, _digest(record)):
        raise UserError(f"{path} is damaged (not as it was written): delete it and run again")
    return record


def check_beside(path: str | Path, record: Mapping[str, Any], name: str) -> Path:
    """The file `name` beside a record; UserError where it is missing or not the one recorded."""
    file = Path(path).with_name(name)
    expected = record.get(FILES, {}).get(name)
    if not file.exists():
        raise UserError(f"{file} is missing: delete {path} and run again")
    if expected not in (None, sha256(file)):
        raise UserError(f"{file} is not the one of {path}: delete both and run again")
    return file


def _digest(record: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
