"""run.json: what was written is what is read, with the files beside it."""

import hashlib
import json

import pytest
from critical_batch.runs.record import check_beside, read_record, write_record
from critical_batch.runtime.errors import UserError


def refused(call, *arguments) -> str:
    with pytest.raises(UserError) as error:
        call(*arguments)
    return str(error.value)


def test_a_record_holds_what_was_written_and_knows_its_files(tmp_path):
    path, beside = tmp_path / "run.json", tmp_path / "a.csv"
    beside.write_text("1")
    write_record(path, {"z": 1, "a": [2, 3]}, [beside])
    record = read_record(path)
    files = {"a.csv": hashlib.sha256(b"1").hexdigest()}
    assert record == {"z": 1, "a": [2, 3], "files": files}
    assert check_beside(path, record, "a.csv") == beside
    # The order of keys says nothing: another program may sort them.
    path.write_text(json.dumps(json.loads(path.read_text()), sort_keys=True))
    assert read_record(path) == record
    path.write_text(json.dumps(json.loads(path.read_text()) | {"z": 2}))
    assert refused(read_record, path) == (
        f"{path} is damaged (not as it was written): delete it and run again"
    )
    # Records of earlier versions have no digests.
    path.write_text(json.dumps({"z": 1}))
    assert read_record(path) == {"z": 1}
    assert check_beside(path, {"z": 1}, "a.csv") == beside
    path.write_text("[1]")
    assert refused(read_record, path) == (
        f"{path} is not the record of a run: delete it and run again"
    )
    beside.write_text("2")
    message = refused(check_beside, path, record, "a.csv")
    assert message == f"{beside} is not the one of {path}: delete both and run again"
    beside.unlink()
    message = refused(check_beside, path, record, "a.csv")
    assert message == f"{beside} is missing: delete {path} and run again"
