"""Files are written whole or not at all, and read with one line where they are not as expected."""

import hashlib
import math
import os
from pathlib import Path

import pytest
from critical_batch.runtime.errors import UserError
from critical_batch.runtime.files import (
    atomic_path,
    found,
    listed_paths,
    read_json,
    remove_empty_folders,
    sha256,
    write_json,
    write_text,
)


def test_a_file_appears_whole_under_its_name_with_its_folders(tmp_path):
    path = tmp_path / "a" / "b" / "table.csv.gz"
    with atomic_path(str(path)) as temporary:
        assert temporary.parent == path.parent
        # The suffix chooses a format; a leading dot hides what is not finished.
        assert temporary.suffix == ".gz"
        assert temporary.name.startswith(".table.csv.")
        temporary.write_bytes(b"content")
        assert not path.exists()
    assert path.read_bytes() == b"content"
    assert list(path.parent.iterdir()) == [path]


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    """Else a power cut could leave an empty file under the name of a whole one."""
    fsync, replace, done = os.fsync, os.replace, []

    def synced(descriptor):
        done.append(("synced", os.fstat(descriptor).st_size))
        fsync(descriptor)

    def replaced(source, target):
        done.append(("named", Path(target).name))
        replace(source, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    write_text(tmp_path / "table.csv", "x" * 100)
    assert done == [("synced", 100), ("named", "table.csv")]


def test_two_writers_have_two_temporary_files(tmp_path):
    with atomic_path(tmp_path / "x") as one, atomic_path(tmp_path / "x") as other:
        assert one != other
        one.write_text("one")
        other.write_text("other")
    assert (tmp_path / "x").read_text() == "one"


@pytest.mark.parametrize("error", [OSError("full"), ValueError("no"), KeyboardInterrupt()])
def test_what_fails_leaves_the_file_as_it_was_and_an_error_of_the_disk_names_it(tmp_path, error):
    path = tmp_path / "x.json"
    path.write_text("before")

    def half_a_write():
        with atomic_path(path) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(type(error)) as raised:
        half_a_write()
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_text() == "before"
    if isinstance(error, OSError):
        assert raised.value.filename == str(path)


def test_nothing_written_is_an_error_that_names_the_file(tmp_path):
    with pytest.raises(FileNotFoundError) as raised, atomic_path(tmp_path / "x"):
        pass
    assert raised.value.filename == str(tmp_path / "x")


def test_text_and_json_round_trip(tmp_path):
    write_text(tmp_path / "t.txt", "b\N{LATIN SMALL LETTER U WITH DIAERESIS}\n")
    assert (tmp_path / "t.txt").read_bytes() == b"b\xc3\xbc\n"
    value = {"b": [1, 2.5, None], "a": "\N{GREEK SMALL LETTER MU}"}
    write_json(tmp_path / "v.json", value)
    assert read_json(tmp_path / "v.json") == value
    text = (tmp_path / "v.json").read_text()
    assert text.startswith('{\n  "b": [\n    1,')
    assert text.endswith("}\n")


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_json_has_no_number_that_is_none(tmp_path, number):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "v.json", {"x": number})
    assert list(tmp_path.iterdir()) == []


def test_json_that_is_missing_or_damaged_is_one_line(tmp_path):
    path = tmp_path / "v.json"
    with pytest.raises(UserError, match=r"v\.json is missing: run the rule that makes it"):
        read_json(path)
    for content in (b"{", b"", b'{"a": 1} x', b"\xff\xfe"):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"v\.json is not valid JSON \(.*\): delete it"):
            read_json(path)


def test_lists_of_paths_are_lines_without_the_empty_ones(tmp_path):
    path = tmp_path / "runs.txt"
    with pytest.raises(UserError, match=r"runs\.txt is missing: give a text file"):
        listed_paths(path)
    path.write_text("a/run.json\n\nb c/run.json\n")
    assert [str(one) for one in listed_paths(path)] == ["a/run.json", "b c/run.json"]
    path.write_text("")
    assert listed_paths(path) == []


def test_empty_folders_go_up_to_the_first_that_is_not(tmp_path):
    deep = tmp_path / "a" / "b" / "c"
    deep.mkdir(parents=True)
    (tmp_path / "a" / "kept").touch()
    remove_empty_folders(deep)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "kept"]
    (tmp_path / "d" / "e").mkdir(parents=True)
    remove_empty_folders(str(tmp_path / "d" / "e"))
    assert not (tmp_path / "d").exists()
    remove_empty_folders(tmp_path / "a")
    assert (tmp_path / "a" / "kept").exists()


def test_a_path_of_the_working_directory_comes_before_that_of_home(tmp_path, monkeypatch):
    home, here = tmp_path / "home", tmp_path / "here"
    for folder, names in ((home, ("both", "home")), (here, ("both", "here"))):
        folder.mkdir()
        for name in names:
            (folder / name).touch()
    monkeypatch.chdir(here)
    assert [found(name, home) for name in ("both", "here", "none")] == ["both", "here", "none"]
    assert found("home", home) == str(home / "home")
    assert found("home", str(home)) == str(home / "home")


@pytest.mark.parametrize("size", [0, 1, 3_000_000])
def test_sha256_is_that_of_all_bytes(tmp_path, size):
    (tmp_path / "x").write_bytes(bytes(size))
    assert sha256(tmp_path / "x") == hashlib.sha256(bytes(size)).hexdigest()
