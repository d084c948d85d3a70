"""Readers, packing and the packed array."""

import gzip
import json
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import prepare_data
import pytest
from critical_batch.data.idx import read_idx
from critical_batch.data.kinds import source_of
from critical_batch.data.kinds.image_folder import decode, list_images
from critical_batch.data.packed import PackedDataset
from critical_batch.data.packing import write_packed
from critical_batch.data.reader import Source, array_source
from critical_batch.data.resize import resize_array, resize_picture
from critical_batch.runtime.errors import UserError
from PIL import Image
from torchvision import transforms

ROOT = Path(__file__).parents[2]
FASHION = {
    "name": "fashion-mnist",
    "kind": "fashion_mnist",
    "root": str(ROOT / "resources/fashion-mnist"),
    "image_size": 16,
}


def decoded(source: Source) -> list[tuple[np.ndarray, int]]:
    """Every image and label of a source; the first that cannot be decoded raises."""
    with source.decoder() as decode:
        return [(decode(item.where), item.label) for item in source.items()]


def one_line(error: pytest.ExceptionInfo) -> str:
    text = str(error.value)
    assert "\n" not in text
    return text


# ---------------------------------------------------------------- IDX


def write_idx(path: Path, values: np.ndarray) -> Path:
    header = bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    path.write_bytes(gzip.compress(header + values.tobytes(), mtime=0))
    return path


@pytest.fixture
def digits(tmp_path):
    values = np.random.default_rng(0).integers(0, 256, (7, 5, 4), dtype=np.uint8)
    return values, write_idx(tmp_path / "digits.gz", values)


def test_idx_round_trip(digits):
    values, path = digits
    np.testing.assert_array_equal(read_idx(path, values.shape), values)


def test_idx_damage_is_always_found(digits):
    """Cut after, or one bit flipped in, any byte: an error naming the file, or the same values."""
    values, path = digits
    whole = path.read_bytes()
    damaged = [whole[:length] for length in range(len(whole))]
    for position in range(len(whole)):
        flipped = bytearray(whole)
        flipped[position] ^= 16
        damaged.append(bytes(flipped))
    messages = []
    for data in damaged:
        path.write_bytes(data)
        try:
            # Bits of the gzip header, such as its time stamp, do not touch the content.
            np.testing.assert_array_equal(read_idx(path, values.shape), values)
        except UserError as error:
            messages.append(str(error))
    assert len(messages) > len(damaged) - 10
    assert all(str(path) in message and "\n" not in message for message in messages)


@pytest.mark.parametrize("shape", [(7, 5, 3), (7, 4, 5), (6, 5, 4), (8, 5, 4), (140,)])
def test_idx_of_another_shape_is_refused(digits, shape):
    _, path = digits
    with pytest.raises(UserError, match=r"digits\.gz"):
        read_idx(path, shape)


def test_idx_with_another_type_is_refused(tmp_path):
    path = tmp_path / "floats.gz"
    path.write_bytes(gzip.compress(bytes([0, 0, 13, 1]) + struct.pack(">If", 1, 0.0)))
    with pytest.raises(UserError, match="not an IDX file of unsigned bytes"):
        read_idx(path, (1,))


def test_idx_range_and_missing_file(tmp_path):
    path = write_idx(tmp_path / "labels.gz", np.array([0, 9, 10], dtype=np.uint8))
    with pytest.raises(UserError, match="holds 10, above 9"):
        read_idx(path, (3,), maximum=9)
    with pytest.raises(UserError, match="is missing"):
        read_idx(tmp_path / "none.gz", (3,))


def test_idx_of_nothing_and_of_the_largest_value_allowed(tmp_path):
    empty = write_idx(tmp_path / "empty.gz", np.zeros((0, 4), dtype=np.uint8))
    assert read_idx(empty, (0, 4)).shape == (0, 4)
    # A header that ends early, where no values are missing that would tell.
    header = gzip.decompress(empty.read_bytes())
    for length in range(len(header)):
        empty.write_bytes(gzip.compress(header[:length]))
        with pytest.raises(UserError, match=r"empty\.gz (is not an IDX file|does not hold 0)"):
            read_idx(empty, (0, 4))
    # Values that end early in a file that is whole.
    short = write_idx(tmp_path / "short.gz", np.zeros(3, dtype=np.uint8))
    short.write_bytes(gzip.compress(gzip.decompress(short.read_bytes())[:-1]))
    with pytest.raises(UserError, match=r"short\.gz does not hold 3 values"):
        read_idx(short, (3,))
    zeros = write_idx(tmp_path / "zeros.gz", np.zeros(3, dtype=np.uint8))
    assert read_idx(zeros, (3,), maximum=0).tolist() == [0, 0, 0]
    white = write_idx(tmp_path / "white.gz", np.array([255, 0], dtype=np.uint8))
    assert read_idx(white, (2,)).tolist() == [255, 0]
    nines = write_idx(tmp_path / "nines.gz", np.array([9, 0], dtype=np.uint8))
    assert read_idx(nines, (2,), maximum=9).tolist() == [9, 0]


# ---------------------------------------------------------------- built-in data sets


def test_fashion_mnist(tmp_path):
    source = source_of(FASHION)
    manifest = write_packed(tmp_path, FASHION, source)
    dataset = PackedDataset.open(tmp_path)
    dataset.verify()
    assert manifest == dataset.manifest
    assert dataset.images.shape == (10_000, 16, 16, 1)
    assert isinstance(dataset.images, np.memmap)
    assert np.bincount(dataset.labels).tolist() == [1000] * 10
    assert manifest["resize"] == "Pillow LANCZOS 28x28 -> 16x16"
    assert manifest["class_names"][9] == "Ankle boot"
    assert "MIT" in manifest["licence"]
    # The first test image is an ankle boot; resizing keeps the mean brightness.
    raw = read_idx(Path(FASHION["root"], "t10k-images-idx3-ubyte.gz"), (10_000, 28, 28))
    assert dataset.labels[0] == 9
    np.testing.assert_array_equal(dataset.images[0], resize_array(raw[0], 16))
    assert dataset.images[:100].mean() == pytest.approx(raw[:100].mean(), abs=2)


def test_fashion_mnist_keeps_its_own_size():
    source = source_of({**FASHION, "image_size": 28})
    image, label = decoded(source)[0]
    raw = read_idx(Path(FASHION["root"], "t10k-images-idx3-ubyte.gz"), (10_000, 28, 28))
    assert (source.resize, label) == ("none", 9)
    np.testing.assert_array_equal(image[:, :, 0], raw[0])


def test_fashion_mnist_without_files(tmp_path):
    with pytest.raises(UserError, match="t10k-images"):
        source_of({**FASHION, "root": str(tmp_path)})


def test_mnist():
    source = source_of({"name": "mnist", "kind": "mnist", "image_size": 16})
    images, labels = zip(*decoded(source), strict=True)
    assert len(images) == source.count == 5000
    assert {image.shape for image in images} == {(16, 16, 1)}
    assert np.bincount(labels).tolist() == [500] * 10
    assert 0 < np.mean(images) < 60
    assert source.class_names == list("0123456789")


@pytest.mark.parametrize("size", [None, 0, 16.0, "16", True])
def test_image_size_is_checked(size):
    with pytest.raises(UserError, match=r"datasets\.fashion-mnist\.image_size"):
        source_of({**FASHION, "image_size": size})


# ---------------------------------------------------------------- image folder


def picture(mode="RGB", size=(24, 16), seed=0) -> Image.Image:
    bands = len(Image.new(mode, (1, 1)).getbands())
    shape = (size[1], size[0]) if bands == 1 else (size[1], size[0], bands)
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    return Image.fromarray(pixels, mode if bands != 1 else None)


def folder_settings(folder: Path, **settings) -> dict:
    return {"name": "own", "kind": "image_folder", "root": str(folder), "image_size": 8} | settings


def read_folder(folder: Path, **settings):
    source = source_of(folder_settings(folder, **settings))
    return source, decoded(source)


def pack_folder(directory: Path, folder: Path, **settings) -> dict:
    settings = folder_settings(folder, **settings)
    return write_packed(directory, settings, source_of(settings))


@pytest.fixture
def folder(tmp_path):
    """Three classes; natural order is cat2, cat10, dog, Emu."""
    root = tmp_path / "own"
    for name in ("cat10/1.png", "cat2/b/10.png", "cat2/b/9.JPG", "dog/x.bmp", "Emu/y.webp"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(seed=len(name)).save(path)
    (root / "dog/readme.txt").write_text("not an image")
    (root / "dog/._x.png").write_bytes(b"hidden")
    return root


def test_folder_order_is_natural(folder):
    names = ["Emu/y.webp", "cat2/b/9.JPG", "cat2/b/10.png", "cat10/1.png", "dog/x.bmp"]
    assert list(list_images(folder)) == names


def test_folder_labels(folder):
    source, items = read_folder(folder, labels="folders")
    assert source.class_names == ["Emu", "cat2", "cat10", "dog"]
    assert [label for _, label in items] == [0, 1, 1, 2, 3]
    source, items = read_folder(folder)
    assert source.class_names == []
    assert {label for _, label in items} == {-1}
    picture().save(folder / "loose.png")
    with pytest.raises(UserError, match=r"datasets\.own\.root .*'loose\.png' is in no folder of a"):
        read_folder(folder, labels="folders")


@pytest.mark.filterwarnings("ignore:16 bits per sample")
@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "RGB", "RGBA", "CMYK", "I;16"])
@pytest.mark.parametrize("channels", [1, 3])
def test_folder_modes(tmp_path, mode, channels):
    path = tmp_path / "image.tif"
    if mode == "I;16":
        Image.fromarray(np.full((16, 24), 0x8001, dtype=np.uint16)).save(path)
        grey = 0x80
    elif mode == "LA":
        Image.merge("LA", [Image.new("L", (24, 16), value) for value in (0, 127)]).save(path)
        grey = 128
    elif mode == "RGBA":
        Image.new("RGBA", (24, 16), (0, 0, 0, 127)).save(path)
        grey = 128
    else:
        Image.new("RGB", (24, 16), "white").convert(mode).save(path)
        grey = 255
    image = decode(path, 8, channels, "squash")
    assert (image.dtype, image.shape) == (np.uint8, (8, 8, channels))
    assert np.unique(image).tolist() == [grey]


@pytest.mark.parametrize("size", [(24, 16), (16, 24), (17, 16), (8, 8), (5, 90)])
def test_shortest_side_is_torchvisions_resize_and_crop(size):
    image = picture(size=size)
    reference = transforms.Compose(
        [transforms.Resize(8, transforms.InterpolationMode.LANCZOS), transforms.CenterCrop(8)]
    )
    np.testing.assert_array_equal(
        np.asarray(resize_picture(image, 8, "shortest_side")), np.asarray(reference(image))
    )


def test_squash_keeps_all_of_the_picture():
    image = picture(size=(24, 16))
    np.testing.assert_array_equal(
        np.asarray(resize_picture(image, 8, "squash")),
        np.asarray(image.resize((8, 8), Image.Resampling.LANCZOS)),
    )


def test_orientation_of_a_camera_is_applied(tmp_path):
    image = picture(size=(8, 8))
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "image.png", exif=exif)
    np.testing.assert_array_equal(
        decode(tmp_path / "image.png", 8, 3, "squash"), np.rot90(np.asarray(image), -1)
    )


def test_few_damaged_files_are_skipped_and_listed(tmp_path):
    root = tmp_path / "own"
    root.mkdir()
    for index in range(100):
        picture(size=(8, 8), seed=index).save(root / f"{index}.png")
    whole = (root / "50.png").read_bytes()
    (root / "50.png").write_bytes(whole[: len(whole) // 2])
    settings = folder_settings(root)
    manifest = write_packed(tmp_path / "packed", settings, source_of(settings))
    assert (manifest["images"], manifest["skipped"]) == (99, ["50.png"])
    dataset = PackedDataset.open(tmp_path / "packed")
    dataset.verify()
    np.testing.assert_array_equal(dataset.images[50], np.asarray(Image.open(root / "51.png")))
    (root / "7.png").write_text("no image")
    with pytest.raises(UserError, match=r"datasets\.own\.root: 2 of 100 .* than 1 %: ") as error:
        pack_folder(tmp_path / "packed", root)
    assert "truncated" in one_line(error)
    assert "none of PNG, JPEG, WebP, BMP, TIFF, GIF (1, '7.png')" in one_line(error)
    manifest = pack_folder(tmp_path / "packed", root, max_skipped_share=0.02)
    assert (manifest["images"], manifest["skipped"]) == (98, ["7.png", "50.png"])


def test_pictures_above_the_limit_of_pixels_count_as_damaged(folder, tmp_path):
    """They are 24 x 16."""
    for limit in (100, 383):  # Pillow itself warns below twice the limit and raises above
        with pytest.raises(UserError, match=r"5 of 5 .*: more than [0-9]+ pixels.*max_pixels"):
            pack_folder(tmp_path / "packed", folder, max_pixels=limit)
    assert pack_folder(tmp_path / "packed", folder, max_pixels=384)["images"] == 5


def test_elongated_pictures_count_as_damaged(tmp_path, monkeypatch):
    picture(size=(1, 1000)).save(tmp_path / "line.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10_000)
    with pytest.raises(UserError, match="1 of 1"):
        pack_folder(tmp_path / "packed", tmp_path)
    assert len(read_folder(tmp_path, resize="squash")[1]) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"channels": 4},
        {"resize": "crop"},
        {"labels": "csv"},
        {"root": None},
        {"max_skipped_share": 1},
        {"max_skipped_share": "1 %"},
        {"max_pixels": 0},
        {"bits": 17},
        {"bits": 12.0},
    ],
)
def test_folder_settings_are_checked(folder, wrong):
    with pytest.raises(UserError, match=rf"datasets\.own\.{next(iter(wrong))}") as error:
        read_folder(folder, **wrong)
    one_line(error)


def test_folder_without_images(tmp_path):
    with pytest.raises(UserError, match="no images"):
        read_folder(tmp_path)


# ---------------------------------------------------------------- packing


def toy_source(count=6, classes=2, height=4, width=3, channels=3) -> Source:
    pixels = np.random.default_rng(1).integers(
        0, 256, (count, height, width, channels), dtype=np.uint8
    )
    labels = np.arange(count) % classes if classes else np.full(count, -1)
    names = [str(label) for label in range(classes)]
    return array_source(pixels, labels, names, (height, width, channels))


TOY = {"name": "toy", "kind": "toy"}


@pytest.fixture
def packed(tmp_path):
    write_packed(tmp_path, TOY, toy_source())
    return tmp_path


def test_packing_keeps_every_pixel_and_label(packed):
    pixels, labels = zip(*decoded(toy_source()), strict=True)
    dataset = PackedDataset.open(packed)
    np.testing.assert_array_equal(dataset.images, np.stack(pixels))
    np.testing.assert_array_equal(dataset.labels, labels)
    assert dataset.labels.dtype == np.int64
    np.testing.assert_array_equal(np.load(packed / "images.npy"), np.stack(pixels))


def test_packing_is_deterministic(packed, tmp_path):
    write_packed(tmp_path / "again", TOY, toy_source())
    for name in ("images.npy", "labels.npy", "manifest.json"):
        assert (packed / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_preparing_a_folder_twice_gives_the_same_bytes(folder, tmp_path, monkeypatch):
    for name in ("a", "b"):
        settings = json.dumps(folder_settings(folder, labels="folders"))
        output = ["--output-dir", str(tmp_path / name)]
        monkeypatch.setattr(sys, "argv", ["prepare_data.py", "--settings", settings, *output])
        prepare_data.main()
    for file in ("images.npy", "labels.npy", "manifest.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    PackedDataset.open(tmp_path / "a").verify()


def test_no_images_leave_no_manifest(packed):
    with pytest.raises(UserError, match="holds no images"):
        write_packed(packed, TOY, toy_source(count=0))
    assert not (packed / "manifest.json").exists()
    assert not list(packed.glob(".*"))


@pytest.mark.parametrize("wrong", [np.zeros((2, 3, 1), np.uint8), np.zeros((2, 2, 1), np.int64)])
def test_images_of_another_shape_or_type_are_an_error(tmp_path, wrong):
    images = [np.zeros((2, 2, 1), np.uint8), wrong]
    with pytest.raises(ValueError, match="image 1"):
        write_packed(tmp_path, TOY, array_source(images, [0, 0], ["a"], (2, 2, 1)))
    assert not (tmp_path / "manifest.json").exists()


def test_verify_finds_one_changed_bit(packed):
    data = bytearray((packed / "images.npy").read_bytes())
    data[-1] ^= 1
    (packed / "images.npy").write_bytes(data)
    dataset = PackedDataset.open(packed)
    with pytest.raises(UserError, match="sha256") as error:
        dataset.verify()
    assert str(packed) in one_line(error)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"images": 5}, "images.npy"),
        ({"height": 3}, "images.npy"),
        ({"channels": 1}, "images.npy"),
        ({"images": "6"}, "manifest.json: images"),
        ({"classes": True}, "manifest.json: classes"),
        ({"classes": 3}, "manifest.json: classes"),
        ({"class_names": ["one"], "classes": 1}, "labels.npy"),
        ({"class_names": [], "classes": 0}, "labels.npy"),
        ({"sha256": None}, "manifest.json: sha256"),
    ],
)
def test_manifest_that_does_not_fit_is_refused(packed, change, named):
    manifest = json.loads((packed / "manifest.json").read_text())
    (packed / "manifest.json").write_text(json.dumps(manifest | change))
    with pytest.raises(UserError, match=named) as error:
        PackedDataset.open(packed)
    one_line(error)


@pytest.mark.parametrize("name", ["images.npy", "labels.npy", "manifest.json"])
def test_missing_and_damaged_files_are_refused(packed, name):
    whole = (packed / name).read_bytes()
    for length in (0, 5, 30, len(whole) - 2):
        (packed / name).write_bytes(whole[:length])
        with pytest.raises(UserError, match=name) as error:
            PackedDataset.open(packed)
        one_line(error)
    (packed / name).write_bytes(whole.replace(b"}", b"("))
    with pytest.raises(UserError, match=name) as error:
        PackedDataset.open(packed)
    one_line(error)
    (packed / name).unlink()
    with pytest.raises(UserError, match=f"{name} is missing"):
        PackedDataset.open(packed)


def test_arrays_of_objects_are_refused(packed):
    np.save(packed / "labels.npy", np.array([{}] * 6, dtype=object), allow_pickle=True)
    with pytest.raises(UserError, match=r"labels\.npy"):
        PackedDataset.open(packed)


def test_unlabelled_data_set(tmp_path):
    write_packed(tmp_path, TOY, toy_source(classes=0))
    assert set(PackedDataset.open(tmp_path).labels) == {-1}


@pytest.mark.parametrize("settings", ["[]", '{"kind": "mnist"}', '{"name": "x", "kind": "sun"}'])
def test_prepare_data_refuses_unknown_settings(tmp_path, monkeypatch, settings):
    arguments = ["prepare_data.py", "--settings", settings, "--output-dir", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(UserError) as error:
        prepare_data.main()
    one_line(error)


def test_prepare_data_imports_packages_only_where_needed():
    code = "import sys, prepare_data; assert not set(sys.argv[1:]) & set(sys.modules)"
    scripts = str(ROOT / "workflow/scripts")
    packages = ["torch", "torchvision", "pandas", "mlxtend", "lmdb"]
    subprocess.run([sys.executable, "-c", code, *packages], cwd=scripts, check=True)
