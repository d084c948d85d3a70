"""Archives of unknown origin: nothing is unpacked, and what is not as expected is refused."""

import gzip
import tarfile
from pathlib import Path

import pytest
from critical_batch.data.archive import tar_members
from critical_batch.data.kinds import source_of
from critical_batch.data.packing import write_packed
from critical_batch.runtime.errors import UserError
from raw_data_examples import settings_of, special, tar


def archive_of(tmp_path: Path, outer: bytes) -> dict:
    (tmp_path / "ILSVRC2012_img_train.tar").write_bytes(outer)
    return settings_of("imagenet", tmp_path, expected_images=None)


HOSTILE = {
    "traversal": tar([("../../escape.JPEG", b"x")]),
    "absolute": tar([("/etc/x.JPEG", b"x")]),
    "folder in name": tar([("a/b.JPEG", b"x")]),
    "hidden": tar([("._x.JPEG", b"x")]),
    "line break": tar([("a\nb.JPEG", b"x")]),
    "symbolic link": special("x.JPEG", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
    "hard link": special("x.JPEG", type=tarfile.LNKTYPE, linkname="y.JPEG"),
    "device": special("x.JPEG", type=tarfile.CHRTYPE),
    "pipe": special("x.JPEG", type=tarfile.FIFOTYPE),
    "folder": special("x", type=tarfile.DIRTYPE),
    "sparse": special(
        "x.JPEG",
        pax_headers={"GNU.sparse.size": str(1 << 50), "GNU.sparse.map": f"0,{1 << 50}"},
    ),
    "longer than the archive": special("x.JPEG", size=1 << 20),
    "longer than allowed": special("x.JPEG", size=1 << 40),
    "twice": tar([("x.JPEG", b"x"), ("x.JPEG", b"y")]),
    "compressed": gzip.compress(tar([("x.JPEG", b"x")])),
    "not an archive": b"x" * 4096,
    "empty": b"",
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_hostile_archives_are_refused(tmp_path, content):
    """As the archive itself and as one of its classes; nothing is written but the partial files."""
    for outer in (content, tar([("n01440764.tar", content)])):
        settings = archive_of(tmp_path, outer)
        with pytest.raises(UserError, match=r"ILSVRC2012_img_train\.tar.*again") as error:
            write_packed(tmp_path / "packed", settings, source_of(settings))
        assert "\n" not in str(error.value)
        assert not (tmp_path / "packed/images.npy").exists()
    assert not (tmp_path.parent / "escape.JPEG").exists()


def test_members_are_where_their_bytes_are(tmp_path):
    """Sorted; of no bytes and of as many as allowed; in a file of their own and within one."""
    members = {"b": b"12345", "a.JPEG": b"", "C-1": b"x"}
    whole = tar(list(members.items()))
    two_blocks = whole[: 5 * 512 + 1024]  # no more zeros than there must be
    for before, data, after in (
        (b"", whole, b""),
        (b"", two_blocks, b""),
        (b"?" * 700, two_blocks, b"!"),
    ):
        (tmp_path / "x.tar").write_bytes(before + data + after)
        place = (len(before), len(data)) if before else ()
        found = tar_members(tmp_path / "x.tar", 5, *place)
        assert [member.name for member in found] == ["C-1", "a.JPEG", "b"]
        content = (tmp_path / "x.tar").read_bytes()
        for name, offset, size in found:
            assert content[offset : offset + size] == members[name]
    with pytest.raises(UserError, match="member 'b'"):
        tar_members(tmp_path / "x.tar", 4, 700, len(two_blocks))
    (tmp_path / "x.tar").write_bytes(tar([("?" + "x" * 200, b"")], tarfile.PAX_FORMAT))
    with pytest.raises(UserError, match=r"member '\?x{99}' has a name that is not plain"):
        tar_members(tmp_path / "x.tar", 5)


def test_archives_of_something_else_are_refused(tmp_path):
    for outer in (tar([("ILSVRC2012_val_00000001.JPEG", b"x")]), tar([("n01440764.tgz", b"x")])):
        with pytest.raises(UserError, match=r"is not nXXXXXXXX\.tar"):
            source_of(archive_of(tmp_path, outer))


def test_every_truncation_and_damaged_header_of_an_archive_is_found(tmp_path):
    whole = tar([(f"n0000000{number}.tar", tar([])) for number in range(3)])
    end = 3 * (512 + len(tar([])))
    for length in range(0, end + 512, 512):
        with pytest.raises(UserError, match="again"):
            source_of(archive_of(tmp_path, whole[:length]))
    for start in range(0, end, 512 + len(tar([]))):
        damaged = whole[:start] + b"\xff" * 200 + whole[start + 200 :]
        with pytest.raises(UserError, match="again"):
            source_of(archive_of(tmp_path, damaged))


def test_archives_with_many_members_or_long_headers_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("critical_batch.data.archive.MAX_MEMBERS", 3)
    classes = [(f"n0000000{number}.tar", tar([])) for number in range(4)]
    source_of(archive_of(tmp_path, tar(classes[:3])))
    with pytest.raises(UserError, match="one more than 3"):
        source_of(archive_of(tmp_path, tar(classes)))
    monkeypatch.setattr("critical_batch.data.archive.MAX_HEADER", 1024)
    long_header = special("n00000000.tar", pax_headers={"comment": "x" * 5000})
    with pytest.raises(UserError, match="too long"):
        source_of(archive_of(tmp_path, long_header))
