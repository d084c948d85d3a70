"""What a packed data set must be, written by hand: labels, shapes, digests, and which are read."""

import hashlib
import json

import numpy as np
import pytest
from critical_batch.data import packed
from critical_batch.data.packed import PackedDataset, sample_digest
from critical_batch.runtime.errors import UserError

CLASSES = ["cat", "dog", "owl"]


def digest(*parts):
    return hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()


def write(folder, labels, names=CLASSES, **changes):
    """A data set of grey 2 x 3 images with these labels; changes: of the manifest's values."""
    folder.mkdir(exist_ok=True)
    labels = np.asarray(labels, dtype=np.int64)
    images = np.random.default_rng(0).integers(0, 256, (len(labels), 2, 3, 1), dtype=np.uint8)
    np.save(folder / "images.npy", images)
    np.save(folder / "labels.npy", labels)
    manifest = {
        "name": folder.name,
        "kind": "generated",
        "images": len(labels),
        "height": 2,
        "width": 3,
        "channels": 1,
        "classes": len(names),
        "class_names": names,
        "resize": "none",
        "source": "here",
        "licence": "none",
        "skipped": [],
        "sha256": digest(images, labels),
        "sample_sha256": sample_digest(images, labels),
    }
    (folder / "manifest.json").write_text(json.dumps(manifest | changes))
    return images


@pytest.fixture
def own(tmp_path):
    return tmp_path / "own"


@pytest.mark.parametrize("key", ["images", "licence", "skipped", "class_counts", "warnings"])
def test_a_key_of_another_type_is_named_with_its_type(own, key):
    write(own, [0, 1, 2], **{key: {}})
    kind = {"images": "int", "licence": "str"}.get(key, "list")
    with pytest.raises(UserError, match=rf"manifest\.json: {key} must be {kind}: prepare"):
        PackedDataset.open(own)


@pytest.mark.parametrize(
    ("labels", "classes"),
    [([0, 1, 2], CLASSES), ([1, 1, 1], CLASSES), ([0, 0], ["all"]), ([-1, -1, -1], [])],
)
def test_labels_are_those_of_the_classes(own, labels, classes):
    images = write(own, labels, classes)
    dataset = PackedDataset.checked(str(own), whole=True)
    assert dataset.labels.tolist() == labels
    np.testing.assert_array_equal(dataset.images, images)
    with pytest.raises(ValueError, match="read-only"):
        dataset.images[0] = 0


@pytest.mark.parametrize(
    ("labels", "classes", "range_"),
    [
        ([0, 1, 3], CLASSES, "0 to 3"),
        ([-1, 1, 2], CLASSES, "-1 to 2"),
        ([-2, -1, -1], [], "-2 to -1"),
        ([-1, -1, 0], [], "-1 to 0"),
        ([0, 1], ["all"], "0 to 1"),
    ],
)
def test_other_labels_are_refused(own, labels, classes, range_):
    write(own, labels, classes)
    with pytest.raises(UserError, match=f"labels {range_} do not fit {len(classes)} classes"):
        PackedDataset.open(own)


@pytest.mark.parametrize("key", ["images", "height", "width", "channels"])
def test_every_length_is_the_manifests(own, key):
    write(own, [0, 1, 2])
    length = json.loads((own / "manifest.json").read_text())[key]
    write(own, [0, 1, 2], **{key: length + 1})
    with pytest.raises(
        UserError, match=r"images\.npy is uint8 \[3, 2, 3, 1\], manifest\.json says"
    ):
        PackedDataset.open(own)


@pytest.mark.parametrize(
    ("file", "array"),
    [
        ("labels.npy", np.zeros(3, dtype=np.int32)),
        ("labels.npy", np.zeros(4, dtype=np.int64)),
        ("labels.npy", np.zeros((3, 1), dtype=np.int64)),
        ("images.npy", np.zeros((3, 2, 3, 1), dtype=np.int8)),
    ],
)
def test_arrays_of_another_type_or_shape_are_refused(own, file, array):
    write(own, [0, 1, 2])
    np.save(own / file, array)
    with pytest.raises(UserError, match=f"{file} is {array.dtype}"):
        PackedDataset.open(own)


@pytest.mark.parametrize("key", list(packed.MANIFEST_TYPES))
def test_every_key_of_the_manifest_has_its_type(own, key):
    """True is an int to Python, and no number here."""
    write(own, [0, 1, 2], **{key: True})
    with pytest.raises(UserError, match=f"{key} must be {packed.MANIFEST_TYPES[key].__name__}"):
        PackedDataset.open(own)


def test_names_of_classes_are_as_many_as_classes(own):
    write(own, [0, 1, 2], class_names=["cat", "dog"])
    with pytest.raises(UserError, match="classes and class_names disagree"):
        PackedDataset.open(own)


@pytest.mark.parametrize("chunk", [1, 6, 7, 12, 10**6])
def test_the_digest_is_of_all_pixels_then_all_labels_in_pieces_of_any_size(own, monkeypatch, chunk):
    monkeypatch.setattr(packed, "CHUNK_BYTES", chunk)
    write(own, [0, 1, 2, 1, 0])
    PackedDataset.open(own).verify()
    for key in ("images.npy", "labels.npy"):
        write(own, [0, 1, 2, 1, 0])
        array = np.load(own / key)
        array[-1] = (array[-1] + 1) % 3
        np.save(own / key, array)
        with pytest.raises(UserError, match="they do not have the sha256 of manifest"):
            PackedDataset.open(own).verify()


def test_sampled_images_are_evenly_spaced_with_the_first_and_the_last():
    random = np.random.default_rng(1)
    images = random.integers(0, 256, (3070, 2, 2, 1), dtype=np.uint8)
    labels = random.integers(0, 9, 3070)
    # 1023 gaps of 3 images each.
    assert sample_digest(images, labels) == digest(images[::3], labels)
    assert sample_digest(images[:5], labels[:5]) == digest(images[:5], labels[:5])
    assert sample_digest(images[:1], labels[:1]) == digest(images[:1], labels[:1])
    changed = np.array(labels)
    changed[1] += 1
    assert sample_digest(images, changed) != sample_digest(images, labels)


def test_up_to_a_gibibyte_every_job_reads_all_pixels():
    """As docs/reliability.md promises."""
    assert packed.READ_WHOLE_BYTES == 1024**3


def test_up_to_the_limit_all_pixels_are_read_and_above_it_the_sample(own, monkeypatch):
    """Five images of 6 bytes, whose manifest has one of the digests wrong."""
    for limit, wrong in ((30, "sha256"), (29, "sample_sha256")):
        monkeypatch.setattr(packed, "READ_WHOLE_BYTES", limit)
        write(own, [0, 1, 2, 1, 0], **{wrong: "0" * 64})
        with pytest.raises(UserError, match=f"they do not have the {wrong} of manifest"):
            PackedDataset.checked(own)
        other = {"sha256": "sample_sha256", "sample_sha256": "sha256"}[wrong]
        write(own, [0, 1, 2, 1, 0], **{other: "0" * 64})
        assert len(PackedDataset.checked(own).images) == 5
    with pytest.raises(UserError, match="they do not have the sha256"):
        PackedDataset.checked(own, whole=True)
