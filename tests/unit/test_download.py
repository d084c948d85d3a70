"""Downloads from a server on this machine, whole, broken and hostile; unpacking of the archive."""

import errno
import functools
import hashlib
import http.server
import io
import os
import re
import socket
import stat
import struct
import sys
import threading
import zipfile
from dataclasses import replace
from itertools import product

import download_data
import pytest
import unpack_data
from critical_batch.data import unpack
from critical_batch.data.download import download
from critical_batch.data.kinds import DATASET_KINDS, published, source_of
from critical_batch.data.unpack import unpack_member
from critical_batch.runtime.errors import UserError

CONTENT = bytes(range(256)) * 4096  # 1 MiB
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers as the test's `Site` says."""

    def __init__(self, site: "Site", *arguments):
        self.site = site
        super().__init__(*arguments)

    def do_GET(self):
        self.site.ranges.append(self.headers.get("Range"))
        if self.path == "/missing":
            self.send_error(404)
        elif self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/to/"))
            self.end_headers()
        else:
            self.send_content()

    def send_content(self):
        content, start = self.site.content, 0
        if self.site.accepts_ranges and "Range" in self.headers:
            start = int(re.fullmatch(r"bytes=(\d+)-", self.headers["Range"])[1])
            if start >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.end_headers()
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        if self.site.tells_length:
            self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        self.wfile.write(content[start : self.site.breaks_at])

    def log_message(self, *arguments):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = False  # server_close waits for answers under way

    def handle_error(self, request, address):
        """Says nothing of a client that hangs up, which `download` does when it has enough."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, address)


class Site:
    """A server on the loopback interface.

    breaks_at: closes the connection after that byte of the file. ranges: what was asked for.
    """

    def __init__(self):
        self.content, self.breaks_at, self.ranges = CONTENT, None, []
        self.accepts_ranges = self.tells_length = True
        handler = functools.partial(Handler, self)
        self.server = Server(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def site(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    site = Site()
    thread = threading.Thread(target=site.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield site
    site.server.shutdown()
    thread.join()
    site.server.server_close()


def refused(message: str, *arguments, **options) -> None:
    with pytest.raises(UserError, match=message) as error:
        download(*arguments, **options)
    assert "\n" not in str(error.value)


# ---------------------------------------------------------------- transfers


def test_whole_file(site, tmp_path):
    path = tmp_path / "new folder/file.zip"
    download(f"{site.url}/file", path, len(CONTENT), SHA256)
    assert path.read_bytes() == CONTENT
    assert [file.name for file in path.parent.iterdir()] == ["file.zip"]
    assert site.ranges == [None]


@pytest.mark.parametrize("size", [None, len(CONTENT)])
def test_an_interrupted_transfer_goes_on(site, tmp_path, size):
    path = tmp_path / "file.zip"
    for end in (1000, 500_000):
        site.breaks_at = end
        refused(
            f"ended after {end} of {len(CONTENT)} bytes: run the same command again to go on",
            f"{site.url}/file",
            path,
            size,
        )
        assert not path.exists()
    site.breaks_at = None
    download(f"{site.url}/file", path, size, SHA256)
    assert path.read_bytes() == CONTENT
    assert site.ranges == [None, "bytes=1000-", "bytes=500000-"]


def test_a_server_without_ranges_sends_all_of_it_again(site, tmp_path):
    site.breaks_at, site.accepts_ranges = 1000, False
    refused("ended after 1000", f"{site.url}/file", tmp_path / "file")
    site.breaks_at = None
    download(f"{site.url}/file", tmp_path / "file", sha256=SHA256)
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_server_that_does_not_tell_the_length(site, tmp_path):
    site.tells_length, site.breaks_at = False, 1000
    refused(f"ended after 1000 of {len(CONTENT)}", f"{site.url}/f", tmp_path / "f", len(CONTENT))
    site.breaks_at = None
    download(f"{site.url}/f", tmp_path / "f", len(CONTENT))
    assert (tmp_path / "f").read_bytes() == CONTENT
    site.content += b"more"
    download(f"{site.url}/f", tmp_path / "f", len(CONTENT))
    assert (tmp_path / "f").read_bytes() == CONTENT  # never more than asked for


@pytest.mark.parametrize("size", [None, len(CONTENT)])
def test_a_partial_file_that_is_whole_is_not_fetched_again(site, tmp_path, size):
    (tmp_path / ".file.partial").write_bytes(CONTENT)
    download(f"{site.url}/file", tmp_path / "file", size, SHA256)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert site.ranges == ([] if size else [f"bytes={len(CONTENT)}-"])


def test_a_partial_file_that_is_too_long_is_deleted(site, tmp_path):
    (tmp_path / ".file.partial").write_bytes(CONTENT + b"x")
    refused("shorter than what was fetched", f"{site.url}/file", tmp_path / "file")
    download(f"{site.url}/file", tmp_path / "file", sha256=SHA256)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_site_says_nothing_of_a_client_that_hangs_up(site, capfd):
    """No traceback in the log of a green run."""
    site.content = CONTENT * 64  # more than the sockets hold
    with socket.create_connection(("127.0.0.1", site.server.server_port)) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset
        client.sendall(b"GET /file HTTP/1.0\r\n\r\n")
        client.recv(1000)
    site.server.shutdown()
    site.server.server_close()  # waits for the answer to end
    assert site.ranges == [None]
    assert capfd.readouterr().err == ""


def test_wrong_digest(site, tmp_path):
    site.content = CONTENT[:-1] + b"x"
    refused("has not the sha256", f"{site.url}/file", tmp_path / "file", len(CONTENT), SHA256)
    assert list(tmp_path.iterdir()) == []


def test_wrong_size(site, tmp_path):
    refused("has 1048576 bytes, not 5", f"{site.url}/file", tmp_path / "file", 5)
    assert not (tmp_path / "file").exists()


def test_missing_file_and_dead_server(site, tmp_path):
    refused("/missing: HTTP 404 Not Found: look up", f"{site.url}/missing", tmp_path / "file")
    port = site.server.server_port
    site.server.shutdown()
    site.server.server_close()
    refused("check the network", f"http://127.0.0.1:{port}/file", tmp_path / "file")
    assert not (tmp_path / "file").exists()


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:,x", "/x", ""])
def test_other_schemes_are_refused(tmp_path, url):
    refused("use http or https", url, tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def test_redirections_lead_to_http_only(site, tmp_path):
    download(f"{site.url}/to/{site.url}/file", tmp_path / "file", sha256=SHA256)
    for target in ("ftp://127.0.0.1/x", "file:///etc/passwd"):
        refused(re.escape(site.url), f"{site.url}/to/{target}", tmp_path / "other")
    assert not (tmp_path / "other").exists()


# ---------------------------------------------------------------- unpacking


def write_zip(path, members: dict[str, bytes], mode: int = 0) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name)
            info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, mode << 16
            archive.writestr(info, data)


def test_only_the_wanted_member_is_unpacked(tmp_path):
    members = {"../escape": b"x", "a/data.mdb": CONTENT, "a/lock.mdb": b"y"}
    write_zip(tmp_path / "in.zip", members)
    unpack_member(tmp_path / "in.zip", "a/data.mdb", tmp_path / "out/data.mdb")
    assert (tmp_path / "out/data.mdb").read_bytes() == CONTENT
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["data.mdb", "in.zip", "out"]


def test_archives_that_are_not_as_expected(tmp_path):
    def unpack(message, **options):
        with pytest.raises(UserError, match=message) as error:
            unpack_member(tmp_path / "in.zip", "data.mdb", tmp_path / "data.mdb", **options)
        assert "\n" not in str(error.value)
        assert not (tmp_path / "data.mdb").exists()

    unpack(r"in\.zip is missing: download it")
    write_zip(tmp_path / "in.zip", {"other": b"x"})
    unpack(r"has no data\.mdb")
    write_zip(tmp_path / "in.zip", {"data.mdb": b"/etc/passwd"}, stat.S_IFLNK | 0o777)
    unpack("is not a regular file")
    write_zip(tmp_path / "in.zip", {"data.mdb": bytes(1 << 20)})  # 1 KiB in the archive
    unpack("more than 65536", max_bytes=1 << 16)
    write_zip(tmp_path / "in.zip", {"data.mdb": CONTENT})
    whole = (tmp_path / "in.zip").read_bytes()
    for position in (100, len(whole) // 2):
        (tmp_path / "in.zip").write_bytes(whole[:position] + b"\xff\xff" + whole[position + 2 :])
        unpack(r"in\.zip is damaged")
    for length in (0, 100, len(whole) - 10):
        (tmp_path / "in.zip").write_bytes(whole[:length])
        unpack(r"in\.zip is damaged")
    assert [path.name for path in tmp_path.iterdir()] == ["in.zip"]


def test_what_the_archive_may_be_at_most(tmp_path, monkeypatch):
    path, target = tmp_path / "in.zip", tmp_path / "data.mdb"
    write_zip(path, {"data.mdb": CONTENT, "other": b"x"}, stat.S_IFREG | 0o644)
    monkeypatch.setattr(unpack, "MAX_MEMBERS", 2)
    unpack_member(path, "data.mdb", target, max_bytes=len(CONTENT))
    assert target.read_bytes() == CONTENT
    # What lies there is made anew, unless another process has just made it.
    target.write_bytes(b"older")
    unpack_member(path, "data.mdb", target)
    assert target.read_bytes() == CONTENT
    with pytest.raises(UserError, match=f"has {len(CONTENT)} bytes, more than"):
        unpack_member(path, "data.mdb", target, max_bytes=len(CONTENT) - 1)
    monkeypatch.setattr(unpack, "MAX_MEMBERS", 1)
    with pytest.raises(UserError, match="has 2 members, more than 1: download it again"):
        unpack_member(path, "data.mdb", target)
    assert 2 * published()["lsun"].archive.size < unpack.MAX_BYTES


@pytest.mark.parametrize("kind", [stat.S_IFSOCK, stat.S_IFIFO, stat.S_IFDIR, stat.S_IFCHR])
def test_only_regular_files_are_unpacked(tmp_path, kind):
    write_zip(tmp_path / "in.zip", {"data.mdb": b"x"}, kind | 0o644)
    with pytest.raises(UserError, match=r"data\.mdb is not a regular file: download it again"):
        unpack_member(tmp_path / "in.zip", "data.mdb", tmp_path / "data.mdb")


@pytest.mark.parametrize("flag", [1, 2])
def test_of_the_flags_only_encryption_is_refused(tmp_path, flag):
    write_zip(tmp_path / "in.zip", {"data.mdb": CONTENT})
    data = bytearray((tmp_path / "in.zip").read_bytes())
    data[6] |= flag  # in the member's header and in the directory
    data[data.index(b"PK\1\2") + 8] |= flag
    (tmp_path / "in.zip").write_bytes(data)
    if flag == 1:
        with pytest.raises(UserError, match=r"data\.mdb is encrypted: download it again"):
            unpack_member(tmp_path / "in.zip", "data.mdb", tmp_path / "data.mdb")
    else:
        unpack_member(tmp_path / "in.zip", "data.mdb", tmp_path / "data.mdb")
        assert (tmp_path / "data.mdb").read_bytes() == CONTENT


def test_a_full_disk_is_not_the_archives_fault(tmp_path, monkeypatch):
    write_zip(tmp_path / "in.zip", {"data.mdb": b"less than a buffer"})
    synced = []

    def fsync(descriptor):
        synced.append(os.fstat(descriptor).st_size)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match="No space left"):
        unpack_member(tmp_path / "in.zip", "data.mdb", tmp_path / "data.mdb")
    assert synced == [len(b"less than a buffer")]  # all of it had been handed over
    assert not (tmp_path / "data.mdb").exists()


def test_any_flipped_byte_of_an_archive_is_found(tmp_path):
    path, target = tmp_path / "in.zip", tmp_path / "data.mdb"
    write_zip(path, {"data.mdb": b"one image after another" * 20})
    whole, good = path.read_bytes(), b"one image after another" * 20
    found = 0
    for position, bit in product(range(len(whole)), range(8)):
        byte = bytes([whole[position] ^ 1 << bit])
        path.write_bytes(whole[:position] + byte + whole[position + 1 :])
        try:
            unpack_member(path, "data.mdb", target)
        except UserError as error:
            found += "in.zip" in str(error) and "\n" not in str(error)
        else:  # a time stamp, say
            assert target.read_bytes() == good
            found += 1
            target.unlink()
    assert found == 8 * len(whole)


def test_an_archive_that_holds_more_than_it_says(tmp_path):
    """A bomb that declares few bytes, and one of very many members."""
    write_zip(tmp_path / "in.zip", {"data.mdb": bytes(1 << 20)})
    whole = (tmp_path / "in.zip").read_bytes()
    small = whole.replace((1 << 20).to_bytes(4, "little"), (100).to_bytes(4, "little"))
    assert small != whole
    (tmp_path / "in.zip").write_bytes(small)
    with pytest.raises(UserError, match=r"in\.zip is damaged"):
        unpack_member(tmp_path / "in.zip", "data.mdb", tmp_path / "data.mdb")
    write_zip(tmp_path / "in.zip", {"data.mdb": b"x"} | {f"{n}": b"" for n in range(1000)})
    with pytest.raises(UserError, match="has 1001 members, more than 1000"):
        unpack_member(tmp_path / "in.zip", "data.mdb", tmp_path / "data.mdb")
    assert [path.name for path in tmp_path.iterdir()] == ["in.zip"]


# ---------------------------------------------------------------- scripts


def call(script, monkeypatch, *arguments) -> None:
    monkeypatch.setattr("sys.argv", ["script", *map(str, arguments)])
    script.main()


def test_from_the_site_to_the_images(site, tmp_path, monkeypatch):
    """download_data.py, unpack_data.py and the reader of LSUN fit together."""
    from raw_data_examples import lsun_images, settings_of, write_lsun

    values = lsun_images(5)
    database = write_lsun(tmp_path / "made", values)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for file in ("data.mdb", "lock.mdb"):
            archive.write(database / file, f"bedroom_train_lmdb/{file}")
    site.content = packed.getvalue()
    archive = replace(
        published()["lsun"].archive,
        url=f"{site.url}/bedroom_train_lmdb.zip",
        size=len(site.content),
        sha256=hashlib.sha256(site.content).hexdigest(),
    )
    elsewhere = replace(published()["lsun"], archive=archive)
    monkeypatch.setitem(DATASET_KINDS, "lsun", replace(DATASET_KINDS["lsun"], published=elsewhere))
    root = tmp_path / "lsun"
    zip_file = root / archive.name
    call(download_data, monkeypatch, "--kind", "lsun", "--output", zip_file)
    output = ("--archive", zip_file, "--output", root / archive.member)
    call(unpack_data, monkeypatch, "--kind", "lsun", *output)
    source = source_of(settings_of("lsun", root, expected_images=5))
    assert [item.where for item in source.items()] == sorted(values)


@pytest.mark.parametrize("kind", ["celeba", "imagenet"])
def test_kinds_that_no_program_can_fetch(kind, tmp_path, monkeypatch):
    with pytest.raises(UserError, match="cannot be downloaded by a program: ") as error:
        call(download_data, monkeypatch, "--kind", kind, "--output", tmp_path / "file")
    assert published()[kind].remedy in str(error.value)
    assert "\n" not in str(error.value)
    archive = ("--archive", tmp_path, "--output", tmp_path / "file")
    with pytest.raises(UserError, match="no archive"):
        call(unpack_data, monkeypatch, "--kind", kind, *archive)
