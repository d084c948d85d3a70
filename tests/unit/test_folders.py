"""Folders as users have them: links, other formats, missing suffixes, leftovers of systems."""

import json
import os
import sys
import types
from pathlib import Path

import prepare_data
import pytest
from config_examples import changed, image_folder, minimal
from critical_batch.configuration import expanded, load
from critical_batch.data import listing
from critical_batch.data.classes import class_names
from critical_batch.data.formats import starts_as_picture
from critical_batch.data.kinds import source_of
from critical_batch.data.kinds.image_folder import list_images
from critical_batch.data.listing import natural
from critical_batch.data.packed import PackedDataset
from critical_batch.data.packing import write_packed
from critical_batch.data.tally import OTHER, Tally, counted
from critical_batch.runtime.errors import UserError
from PIL import Image
from raw_data_examples import encoded, picture

FORMATS = "PNG, JPEG, WebP, BMP, TIFF, GIF"


def write(path: Path, seed: int = 0, format: str = "PNG", size=(8, 8)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded(picture(size=size, seed=seed), format))
    return path


@pytest.fixture
def folder(tmp_path):
    """Two classes of six pictures each."""
    root = tmp_path / "own"
    for number in range(12):
        write(root / ("cats", "dogs")[number % 2] / f"{number}.png", number)
    return root


def settings_of(root: Path, **keys) -> dict:
    own = {"name": "own", "kind": "image_folder", "root": str(root), "image_size": 8}
    return {**own, "labels": "folders", **keys}


def pack(root: Path, **keys) -> dict:
    settings = settings_of(root, **keys)
    directory = root.parent / "packed" / "own"
    manifest = write_packed(directory, settings, source_of(settings))
    PackedDataset.checked(directory, whole=True)
    return manifest


def counts(manifest: dict) -> dict[str, int]:
    return dict(zip(manifest["class_names"], manifest["class_counts"], strict=True))


def reasons(rows: list[dict]) -> dict[str, tuple[int, str]]:
    return {row["reason"]: (row["count"], row["example"]) for row in rows}


def refusal(root: Path, **keys) -> str:
    with pytest.raises(UserError) as error:
        pack(root, **keys)
    assert "\n" not in str(error.value)
    assert str(error.value).startswith("datasets.own")
    assert not (root.parent / "packed/own/manifest.json").exists()
    return str(error.value)


def checked(root: Path, **keys):
    """The configuration of an experiment on a folder, loaded."""
    experiment = {
        **minimal()["experiments"]["dcgan-fashion"],
        "dataset": "own",
        "ratio": {"experiment": "own", "optimizer": "Adam"},
        "batch_sizes": [2],
    }
    dataset = {**image_folder(root), **keys}
    return load(changed(minimal(), {"datasets/own": dataset, "experiments/own": experiment}))


def config_refusal(root: Path, **keys) -> str:
    with pytest.raises(UserError) as error:
        checked(root, **keys)
    assert "\n" not in str(error.value)
    return str(error.value).removeprefix("config: datasets.own.root ")


# ---------------------------------------------------------------- what is a picture


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF"])
@pytest.mark.parametrize("name", ["plain", "a.jpg", "a.png", "a.jfif", "a.data", "a.GIF"])
def test_a_picture_is_known_by_its_content(folder, format, name):
    write(folder / "cats" / name, 99, format)
    assert starts_as_picture((folder / "cats" / name).read_bytes()[:32])
    manifest = pack(folder)
    assert (counts(manifest), manifest["skipped"]) == ({"cats": 7, "dogs": 6}, [])
    assert manifest["unused"] == []
    assert len(checked(folder).runs()) > 0


@pytest.mark.parametrize(
    "content",
    [b"", b"BMW is no bitmap, and this is text", b"GIF8", b"RIFF\0\0\0\0WAVE", b"%!PS-Adobe-3.0"],
)
def test_files_that_are_no_pictures_are_counted_and_are_not_damaged_ones(folder, content):
    for number in range(9):
        (folder / "dogs" / f"{number}.txt").write_bytes(content)
    manifest = pack(folder, max_skipped_share=0.0)
    assert reasons(manifest["unused"]) == {f"none of {FORMATS}": (9, "dogs/0.txt")}
    assert (manifest["images"], manifest["skipped"]) == (12, [])


def test_a_name_that_promises_a_picture_counts_as_a_damaged_one(folder):
    (folder / "cats/0.png").write_bytes(b"<html>not found</html>")
    message = refusal(folder)
    assert "1 of 12 images cannot be read, more than 1 %: none of PNG" in message
    assert "'cats/0.png'" in message
    assert "max_skipped_share" in message
    manifest = pack(folder, max_skipped_share=0.1)
    assert manifest["skipped"] == ["cats/0.png"]


def test_a_program_is_never_started_for_a_picture(folder, tmp_path, monkeypatch):
    """EPS is decoded by Ghostscript: neither asked for by a name nor by content."""
    program = tmp_path / "bin/gs"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    Image.new("RGB", (8, 8)).save(tmp_path / "picture.eps")
    for name in ("a.eps", "b.png", "c"):
        (folder / "cats" / name).write_bytes((tmp_path / "picture.eps").read_bytes())
    manifest = pack(folder, max_skipped_share=0.2)
    assert (manifest["images"], manifest["skipped"]) == (12, ["cats/b.png"])
    assert not (tmp_path / "started").exists()


def test_raw_files_of_cameras_are_no_pictures(folder):
    """They begin as TIFF files, and hold a thumbnail for TIFF decoders."""
    write(folder / "cats/0.NEF", 99, "TIFF")
    assert pack(folder)["images"] == 12
    assert pack(folder)["unused"][0]["example"] == "cats/0.NEF"


def test_an_ordinary_folder_is_packed_as_ever(tmp_path):
    """Natural order, classes in order, no file opened before it is decoded."""
    root = tmp_path / "own"
    names = ["10/b.png", "2/10.jpg", "2/9.jpg", "A/x.bmp", "2/below/1.webp"]
    formats = {"png": "PNG", "jpg": "JPEG", "bmp": "BMP", "webp": "WEBP"}
    for seed, name in enumerate(names):
        write(root / name, seed, formats[name.rpartition(".")[2]])
    settings = settings_of(root)
    items = list(source_of(settings).items())
    expected = [("2/9.jpg", 0), ("2/10.jpg", 0), ("2/below/1.webp", 0), ("10/b.png", 1)]
    assert [(item.name, item.label) for item in items] == [*expected, ("A/x.bmp", 2)]


# ---------------------------------------------------------------- links


def test_linked_classes_and_files_are_used(folder, tmp_path):
    elsewhere = tmp_path / "disk/birds"
    for number in range(3):
        write(elsewhere / f"{number}.png", 50 + number)
    (folder / "birds").symlink_to(elsewhere)
    write(tmp_path / "disk/more.png", 60)
    (folder / "cats/more").symlink_to(tmp_path / "disk/more.png")
    manifest = pack(folder)
    assert counts(manifest) == {"birds": 3, "cats": 7, "dogs": 6}
    assert manifest["unused"] == []
    assert class_names(folder) == ["birds", "cats", "dogs"]


def test_links_into_a_hidden_store_of_the_folder_are_followed(folder):
    """As DVC, git-annex and others lay data out."""
    (folder / "dogs").rename(folder / ".store")
    (folder / "dogs").symlink_to(".store")
    assert counts(pack(folder)) == {"cats": 6, "dogs": 6}
    (folder / ".store").rename(folder / "dogs.moved")
    (folder / "dogs").unlink()
    (folder / ".store").mkdir()
    (folder / "dogs.moved").rename(folder / ".store/v1")
    (folder / "dogs").symlink_to(".store/v1")
    assert counts(pack(folder)) == {"cats": 6, "dogs": 6}


def test_a_linked_folder_is_listed_as_the_folder_is(folder, tmp_path):
    """A link that leads above the folder is no class, by whatever path the folder is named."""
    (folder / "round").symlink_to(tmp_path)
    write(folder / "loose.png", 9)
    (tmp_path / "linked").symlink_to(folder)
    for root in (folder, tmp_path / "linked"):
        folders, files = listing.top_level(root)
        assert folders == [(str(root / name), name) for name in ("cats", "dogs")]
        assert files == [(str(root / "loose.png"), "loose.png")]
    unused = Tally()
    assert len(list(list_images(tmp_path / "linked", unused))) == 13
    assert reasons(unused.rows()) == {"link to a folder above it": (1, "round")}


def test_every_real_folder_is_read_once_and_loops_end(folder, tmp_path):
    (folder / "again").symlink_to(folder / "cats")
    (folder / "dogs/up").symlink_to(folder)
    (folder / "dogs/round").symlink_to(tmp_path)
    (folder / "cats/dangling").symlink_to(tmp_path / "none")
    (folder / "cats/itself").symlink_to(folder / "cats/itself")
    (folder / "cats/outside").symlink_to(tmp_path / "other")
    write(tmp_path / "other/1.png", 70)
    (tmp_path / "other/back").symlink_to(folder)
    manifest = pack(folder)
    assert counts(manifest) == {"cats": 7, "dogs": 6}
    assert reasons(manifest["unused"]) == {
        "link to a folder above it": (2, "dogs/round"),
        "link to a folder that is read elsewhere": (2, "again"),
        "link to nothing": (2, "cats/dangling"),
    }
    assert checked(folder).datasets["own"].root == str(folder)


def test_a_folder_belongs_to_the_class_where_it_is_highest(folder, tmp_path):
    """Not to whatever comes first in the order of the alphabet."""
    write(tmp_path / "disk/1.png", 80)
    (folder / "cats/a").symlink_to(tmp_path / "disk")
    (folder / "zebras").symlink_to(tmp_path / "disk")
    assert counts(pack(folder)) == {"cats": 6, "dogs": 6, "zebras": 1}


def test_pipes_and_what_else_is_no_file_are_named(folder):
    os.mkfifo(folder / "cats/pipe.png")
    assert reasons(pack(folder)["unused"]) == {"no regular file": (1, "cats/pipe.png")}


def test_files_that_cannot_be_read_are_named_as_such(folder):
    """Such as files of somebody else. Reading this one fails for everybody, after it was opened."""
    (folder / "cats/memory").symlink_to("/proc/self/mem")
    assert reasons(pack(folder)["unused"]) == {"cannot be read": (1, "cats/memory")}
    (folder / "cats/memory.png").symlink_to("/proc/self/mem")
    assert "1 of 13 images cannot be read, more than 1 %" in refusal(folder)
    manifest = pack(folder, max_skipped_share=0.5)
    assert reasons(manifest["skipped_reasons"]) == {"Input/output error": (1, "cats/memory.png")}
    (folder / "memory").symlink_to("/proc/self/mem")
    assert counts(pack(folder, max_skipped_share=0.5)) == {"cats": 6, "dogs": 6}


def test_the_state_of_a_folder_changes_with_linked_files(folder, tmp_path):
    target = write(tmp_path / "disk/1.png", 1)
    (folder / "cats/linked.png").symlink_to(target)
    before = listing.folder_digest(folder)
    os.utime(target, (1, 1))
    assert listing.folder_digest(folder) != before


# ---------------------------------------------------------------- what systems leave


@pytest.mark.parametrize(
    "name",
    [
        *("@eaDir", ".thumbnails", "__MACOSX", "$RECYCLE.BIN", "System Volume Information"),
        *("lost+found", ".ipynb_checkpoints", "#recycle", "@Recycle", ".AppleDouble"),
    ],
)
def test_folders_of_systems_are_no_classes(folder, name):
    write(folder / name / "thumbnail.png")
    write(folder / "cats" / name / "thumbnail.png")
    manifest = pack(folder)
    assert counts(manifest) == {"cats": 6, "dogs": 6}
    assert manifest["unused"][0]["count"] == 2
    assert manifest["unused"][0]["reason"] == "hidden or put there by the system"
    checked(folder)


@pytest.mark.parametrize("name", ["Thumbs.db", ".DS_Store", "._1.png", "desktop.ini"])
def test_files_of_systems_change_nothing(folder, name):
    before = listing.folder_digest(folder)
    (folder / "cats" / name).write_bytes(encoded(picture()))
    (folder / name).write_bytes(encoded(picture()))
    assert listing.folder_digest(folder) == before
    assert pack(folder)["images"] == 12


# ---------------------------------------------------------------- classes


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({}, "it is empty"),
        ({"1.heic": b"\0\0\0\x18ftypheic"}, f"none of {FORMATS} (1, '1.heic')"),
        ({"1.png": b"", "2.png": b"x"}, "not the picture that its name says (2, such as 'birds')"),
        ({".1.png": b""}, "hidden or put there by the system (1, '.1.png')"),
    ],
)
def test_a_class_without_pictures_is_an_error_before_any_job(folder, content, said):
    (folder / "birds").mkdir()
    for name, data in content.items():
        (folder / "birds" / name).write_bytes(data)
    message = config_refusal(folder)
    assert "whose class folder 'birds' holds no picture: " in message
    assert said in message
    assert message.endswith(f"Put pictures of {FORMATS} there, or take the folder away")
    # A name that promises a picture is believed until the file is decoded.
    later = "class 'birds' has no image that can be read"
    at_once = "whose class folder 'birds' holds no picture: "
    refused = refusal(folder, max_skipped_share=0.5)
    assert (later if "1.png" in content else at_once) in refused


def test_several_classes_without_pictures_are_counted(folder):
    for name, said in (
        ("birds", "'birds' holds"),
        ("cows", "'birds' (one of 2 such folders) holds"),
        ("emus", "'birds' (one of 3 such folders) holds"),
    ):
        (folder / name).mkdir()
        assert f"whose class folder {said} no picture: it is empty." in config_refusal(folder)


def test_several_classes_of_which_nothing_decodes_are_counted(folder):
    for name in ("dogs", "cats"):
        for path in (folder / name).iterdir():
            path.write_bytes(path.read_bytes()[:60])
        if name == "dogs":
            assert "class 'dogs' has no image" in refusal(folder, max_skipped_share=0.9)
    for number in range(3):
        write(folder / "birds" / f"{number}.png", number)
    assert "class 'cats' (one of 2 such) has no" in refusal(folder, max_skipped_share=0.9)


def test_a_class_of_which_no_picture_decodes_is_an_error(folder):
    for path in (folder / "dogs").iterdir():
        path.write_bytes(path.read_bytes()[:60])
    message = refusal(folder, max_skipped_share=0.9)
    assert "root: class 'dogs' has no image that can be read (" in message
    assert "(6, such as 'dogs/1.png')" in message
    assert list((folder.parent / "packed/own").glob("*.npy")) == []


@pytest.mark.parametrize(
    ("names", "use"),
    [
        (["train", "val"], "train"),
        (["Test", "Training"], "Training"),
        (["train"], "train"),
        (["validation", "train", "extra"], "train"),
        (["test", "valid"], "test"),
    ],
)
def test_parts_of_a_data_set_are_no_classes(tmp_path, names, use):
    root = tmp_path / "own"
    for number in range(12):
        for name in names:
            write(root / name / "ab"[number % 2] / f"{number}.png", number)
    for message in (config_refusal(root), refusal(root)):
        assert "are parts of a data set, not classes: set it to the one to use" in message
        assert repr(str(root / use)) in message
    assert pack(root / use)["class_names"] == ["a", "b"]


def test_a_class_may_be_called_train(folder):
    (folder / "cats").rename(folder / "train")
    assert counts(pack(folder)) == {"dogs": 6, "train": 6}
    checked(folder)


def test_a_picture_beside_the_class_folders_is_an_error_before_any_job(folder):
    (folder / "README").write_text("no picture")
    checked(folder)
    write(folder / "loose", 1)
    for message in (config_refusal(folder), refusal(folder)):
        assert (
            "'loose' is in no folder of a class: move it into one, or set labels: none" in message
        )


def test_one_class_or_nine_images_are_refused_before_any_job(folder):
    (folder / "dogs").rename(folder.parent / "dogs")
    assert config_refusal(folder) == (
        f"is {str(folder)!r}, with 6 images, of which the classifier features of own need at "
        "least 10: put more there"
    )
    for number in range(20, 26):
        write(folder / "cats" / f"{number}.png", number)
    assert config_refusal(folder).startswith(
        f"is {str(folder)!r}, with one class only, 'cats', and a classifier needs two: set it to"
    )


def test_fewer_than_two_images_are_refused(folder, tmp_path):
    for path in sorted(folder.rglob("*.png"))[2:]:
        path.write_bytes(b"\x89PNG\r\n\x1a\n")
    assert pack(folder, labels="none", max_skipped_share=0.9)["images"] == 2
    for path in sorted(folder.rglob("*.png"))[1:]:
        path.write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "packed/own/manifest.json").unlink()
    message = refusal(folder, labels="none", max_skipped_share=0.99)
    assert "holds 1 image only that can be read (" in message
    assert "at least two are needed" in message


def test_images_that_are_all_the_same_are_refused(folder):
    for path in folder.rglob("*.png"):
        Image.new("RGB", (8, 8), "red").save(path)
    assert "all 12 images are the same once they are resized" in refusal(folder)


# ---------------------------------------------------------------- counts, log, manifest


def test_the_log_says_what_is_used_and_what_is_not(folder, tmp_path, monkeypatch, capsys):
    (folder / "cats/notes.txt").write_text("x")
    (folder / "cats/gone.png").symlink_to(tmp_path / "none.png")
    (folder / "dogs/1.png").write_bytes((folder / "dogs/1.png").read_bytes()[:70])
    settings = json.dumps(settings_of(folder, max_skipped_share=0.1))
    output = ["--output-dir", str(tmp_path / "packed/own")]
    monkeypatch.setattr(sys, "argv", ["prepare_data.py", "--settings", settings, *output])
    prepare_data.main()
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["own: 11 images, 1 skipped", "own: 2 classes: 'cats' 6, 'dogs' 5"]
    assert lines[2].startswith("own: skipped: ")
    assert lines[2].endswith(" (1, 'dogs/1.png')")
    assert lines[3] == (
        f"own: not used: link to nothing (1, 'cats/gone.png'), none of {FORMATS} "
        "(1, 'cats/notes.txt')"
    )


def test_a_name_that_is_no_text_breaks_no_line(folder, tmp_path, monkeypatch, capsys):
    (folder / "cats").rename(os.fsdecode(os.fsencode(folder) + b"/c\xff\nats"))
    settings = json.dumps(settings_of(folder))
    output = ["--output-dir", str(tmp_path / "packed/own")]
    monkeypatch.setattr(sys, "argv", ["prepare_data.py", "--settings", settings, *output])
    prepare_data.main()
    assert "'c\\udcff\\nats' 6" in capsys.readouterr().out
    PackedDataset.open(tmp_path / "packed/own")


def test_reasons_are_counted_and_bounded():
    tally = Tally()
    for number in range(7):
        tally.add(f"truncated after {number} bytes", f"{number}.png")
    assert tally.rows() == [
        {"reason": "truncated after 0 bytes", "count": 7, "example": "0.png"},
    ]
    for letter in "abcdefghijklmnopqrstuvwxyz":
        tally.add(letter, letter)
    rows = tally.rows()
    assert len(rows) == 21
    assert sum(row["count"] for row in rows) == tally.total == 33
    assert reasons(rows)[OTHER] == (7, "t")
    assert Tally(rows).rows() == rows
    assert counted(rows, most=1) == (
        f"truncated after 0 bytes (7, such as '0.png'), {OTHER} ({tally.total - 7})"
    )
    assert rows[-1]["reason"] == OTHER
    tally.add("a", "again")  # one that is known keeps its place
    tally.add("other 7", "new")
    assert reasons(tally.rows())["a"] == (2, "a")
    assert reasons(tally.rows())[OTHER] == (8, "t")


def test_the_most_frequent_reasons_come_first_and_five_of_them_are_said():
    tally = Tally()
    for count, reason in enumerate("gfedcba", 1):
        tally.add(reason, reason.upper(), count)
    assert [row["count"] for row in tally.rows()] == [7, 6, 5, 4, 3, 2, 1]
    assert counted(iter(tally.rows())) == (
        "a (7, such as 'A'), b (6, such as 'B'), c (5, such as 'C'), d (4, such as 'D'), "
        "e (3, such as 'E'), other reasons (3)"
    )
    assert counted(tally.rows()[5:]) == "f (2, such as 'F'), g (1, 'G')"
    assert counted([]) == ""
    tally.add("h", "H", 7)
    assert [row["reason"] for row in tally.rows()[:3]] == ["a", "h", "b"]


def test_a_manifest_of_an_earlier_version_is_read(folder):
    pack(folder)
    path = folder.parent / "packed/own/manifest.json"
    manifest = json.loads(path.read_text())
    added = ("class_counts", "skipped_reasons", "unused", "remarks", "warnings")
    path.write_text(json.dumps({key: manifest[key] for key in manifest if key not in added}))
    PackedDataset.checked(path.parent)
    path.write_text(json.dumps(manifest | {"unused": 5}))
    with pytest.raises(UserError, match="unused must be list"):
        PackedDataset.checked(path.parent)


def test_listing_opens_no_file_that_is_called_a_picture(folder, monkeypatch):
    def opened(path, name):
        raise AssertionError(f"{name} was opened")

    monkeypatch.setattr(listing, "has_picture", opened)
    assert len(list(list_images(folder))) == 12


# ---------------------------------------------------------------- paths


def test_home_and_variables_stand_for_folders(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder.parent))
    monkeypatch.setenv("DATA", str(folder.parent))
    for root in ("~/own", "$HOME/own", "${DATA}/own"):
        assert checked(root).datasets["own"].root == str(folder)
    config = changed(minimal(), {"inception": {"weights": "~/weights.pth"}})
    assert load(config).inception.weights == str(folder.parent / "weights.pth")
    monkeypatch.chdir(folder.parent)
    (folder.parent / "$DATA").symlink_to(folder)
    assert expanded("$DATA") == "$DATA"  # a folder that is really called so


def test_the_path_that_was_tried_is_said(tmp_path, monkeypatch):
    monkeypatch.delenv("NOWHERE", raising=False)
    message = config_refusal("$NOWHERE/images")
    assert message == (
        "is '$NOWHERE/images', not a folder: correct it or put the images there (looked for "
        f"{os.path.abspath('$NOWHERE/images')!r}, and the environment has no NOWHERE)"
    )
    with pytest.raises(UserError, match=r"datasets.own.root: .*'no/such' is not a folder") as error:
        source_of(settings_of(Path("no/such")))
    assert os.path.abspath("no/such") in str(error.value)


def test_digits_within_names_compare_as_numbers():
    names = ["a1b2", "a1c1", "a2b1", "a10b1", "b", "b7", "b07"]
    entries = [types.SimpleNamespace(name=name) for name in reversed(names)]
    assert [entry.name for entry in sorted(entries, key=natural)] == [*names[:-2], "b07", "b7"]
