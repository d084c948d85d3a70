"""The paper's data sets in their own file formats, small."""

import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from critical_batch.analysis.published import SECTIONS
from critical_batch.configuration import load, schema
from critical_batch.data.kinds import DATASET_KINDS, published, source_of
from critical_batch.data.kinds import celeba as celeba_kind
from critical_batch.data.packed import PackedDataset
from critical_batch.data.packing import write_packed
from critical_batch.data.pictures import decode_rgb
from critical_batch.data.raw import raw_state
from critical_batch.runtime.errors import UserError
from PIL import Image
from raw_data_examples import (
    SYNSETS,
    encoded,
    imagenet_files,
    lsun_images,
    picture,
    settings_of,
    write_archive,
    write_celeba,
    write_lsun,
    write_tree,
)
from torchvision import transforms
from torchvision.transforms import functional

SIZES = [(178, 218), (341, 256), (256, 341), (67, 64), (64, 65), (20, 31), (5, 90), (64, 64)]


def one_line(error: pytest.ExceptionInfo) -> str:
    text = str(error.value)
    assert "\n" not in text
    return text


def pack(directory: Path, settings: dict, processes: int = 1) -> PackedDataset:
    write_packed(directory, settings, source_of(settings), processes)
    dataset = PackedDataset.open(directory)
    dataset.verify()
    return dataset


# ---------------------------------------------------------------- pixels


def biggan_transform(size: int):
    """BigGAN's preparation of ImageNet: the centre square, then Resize."""
    return transforms.Compose(
        [
            transforms.Lambda(lambda image: functional.center_crop(image, min(image.size))),
            transforms.Resize(size),
        ]
    )


REFERENCES = {
    ("shortest_side", 64): transforms.Compose([transforms.Resize(64), transforms.CenterCrop(64)]),
    ("squash", 64): transforms.Resize([64, 64]),
    ("centre_square", 128): biggan_transform(128),
}


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize(("rule", "side"), REFERENCES, ids=str)
def test_pixels_are_those_of_the_reference_transforms(rule, side, size, mode):
    data = encoded(picture(mode, size))
    reference = REFERENCES[rule, side](Image.open(io.BytesIO(data)).convert("RGB"))
    np.testing.assert_array_equal(decode_rgb(data, side, rule), np.asarray(reference))


def test_formats_of_the_originals_and_no_others():
    for format in ("JPEG", "PNG", "WEBP"):
        assert decode_rgb(encoded(picture(), format), 8, "squash").shape == (8, 8, 3)
    with pytest.raises(Image.UnidentifiedImageError):
        decode_rgb(encoded(picture(), "GIF"), 8, "squash")
    with pytest.raises(ValueError, match="none of PNG, JPEG"):
        decode_rgb(encoded(picture(), "PPM"), 8, "squash")


def test_decompression_bombs_are_refused_before_decoding(monkeypatch):
    data = encoded(picture())
    for limit in (100, 383):  # 384 pixels: Pillow warns below twice the limit and raises above
        monkeypatch.setattr("critical_batch.data.pictures.MAX_PIXELS", limit)
        with pytest.raises(ValueError, match=f"more than {limit} pixels"):
            decode_rgb(data, 8, "squash")


# ---------------------------------------------------------------- LSUN


def test_lsun_comes_in_the_order_of_its_keys(tmp_path):
    values = lsun_images(3000)
    write_lsun(tmp_path / "lsun", values)
    settings = settings_of("lsun", tmp_path / "lsun", expected_images=3000)
    dataset = pack(tmp_path / "packed", settings)
    expected = [decode_rgb(value, 8, "shortest_side") for _, value in sorted(values.items())]
    np.testing.assert_array_equal(dataset.images, np.stack(expected))
    assert set(dataset.labels) == {-1}
    assert dataset.manifest["resize"] == "Pillow BILINEAR shortest side, centre crop -> 8x8"
    assert dataset.manifest["source"] == "LSUN, bedroom_train, https://www.yf.io/p/lsun"


def test_lsun_reads_its_keys_in_pieces(tmp_path, monkeypatch):
    values = lsun_images(100)
    write_lsun(tmp_path, values)
    source = source_of(settings_of("lsun", tmp_path, expected_images=100))
    monkeypatch.setattr("critical_batch.data.kinds.lsun.KEYS_AT_ONCE", 7)
    assert [item.where for item in source.items()] == sorted(values)
    assert [item.name for item in source.items()] == [key.decode() for key in sorted(values)]


def test_lsun_with_a_truncated_database(tmp_path):
    database = write_lsun(tmp_path, {b"%d" % i: bytes(100_000) for i in range(40)})
    whole = (database / "data.mdb").read_bytes()
    for length in (len(whole) // 2, 5000, 100, 0):
        (database / "data.mdb").write_bytes(whole[:length])
        with pytest.raises(UserError, match="bedroom_train_lmdb") as error:
            source_of(settings_of("lsun", tmp_path))
        assert "again" in one_line(error)


# ---------------------------------------------------------------- CelebA


@pytest.fixture
def celeba(tmp_path):
    return write_celeba(tmp_path / "celeba")


@pytest.mark.parametrize(
    ("split", "first", "count"), [("train", 1, 6), ("valid", 7, 2), ("test", 9, 2), ("all", 1, 10)]
)
def test_celeba_splits(celeba, tmp_path, split, first, count):
    settings = settings_of("celeba", celeba, split=split, expected_images=count)
    dataset = pack(tmp_path / "packed", settings)
    assert dataset.images.shape == (count, 8, 8, 3)
    data = (celeba / "img_align_celeba" / f"{first:06}.jpg").read_bytes()
    np.testing.assert_array_equal(dataset.images[0], decode_rgb(data, 8, "squash"))
    assert dataset.manifest["resize"] == "Pillow BILINEAR squashed -> 8x8"
    assert f"split {split}," in dataset.manifest["source"]


def test_celeba_is_the_train_split_of_the_published_size_by_default(celeba):
    source = source_of(settings_of("celeba", celeba))
    assert (source.count, source.expected) == (6, 162_770)


def test_celeba_with_files_missing_or_damaged(celeba):
    settings = settings_of("celeba", celeba)
    partition = celeba / "list_eval_partition.txt"
    (celeba / "img_align_celeba/000003.jpg").unlink()
    with pytest.raises(UserError, match=r"000003\.jpg, one of 1 images, is missing") as error:
        source_of(settings)
    one_line(error)
    for line in ("../../secret.jpg 0", "000001.jpg 3", "000001.jpg", "\x00\xff"):
        partition.write_text(f"000001.jpg 0\n{line}\n", encoding="latin-1")
        with pytest.raises(UserError, match=r"list_eval_partition\.txt, line 2") as error:
            source_of(settings)
        one_line(error)
    partition.unlink()
    with pytest.raises(UserError, match=r"list_eval_partition\.txt is missing: get img_"):
        source_of(settings)
    with pytest.raises(UserError, match=r"datasets\.own\.split"):
        source_of(settings | {"split": "holdout"})


# ---------------------------------------------------------------- ImageNet


@pytest.mark.parametrize("format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_imagenet_tree_and_archive_give_the_same_bytes(tmp_path, format):
    files = imagenet_files()
    write_tree(tmp_path / "tree", files)
    write_archive(tmp_path / "archive", files, format)
    for name in ("tree", "archive"):
        settings = settings_of("imagenet", tmp_path / name, expected_images=len(files))
        dataset = pack(tmp_path / f"packed-{name}", settings)
        names = sorted(files)
        expected = [decode_rgb(files[name], 8, "centre_square") for name in names]
        np.testing.assert_array_equal(dataset.images, np.stack(expected))
        assert dataset.labels.tolist() == [SYNSETS.index(name[:9]) for name in names]
        assert dataset.manifest["class_names"] == SYNSETS
    for file in ("images.npy", "labels.npy"):
        bytes_of = [
            (tmp_path / f"packed-{name}" / file).read_bytes() for name in ("tree", "archive")
        ]
        assert bytes_of[0] == bytes_of[1]


def test_imagenet_follows_links_and_names_what_it_does_not_use(tmp_path):
    """Classes that lie on another disk are classes."""
    files = imagenet_files()
    root = write_tree(tmp_path / "tree", files)
    (root / "train" / SYNSETS[1]).rename(tmp_path / "elsewhere")
    (root / "train" / SYNSETS[1]).symlink_to(tmp_path / "elsewhere")
    (root / "train" / SYNSETS[0] / "gone.JPEG").symlink_to(tmp_path / "none.jpg")
    source = source_of(settings_of("imagenet", root))
    assert (source.count, source.class_names) == (len(files), SYNSETS)
    assert {row["reason"]: row["example"] for row in source.unused} == {
        "not a class folder nXXXXXXXX": "readme.txt",
        "none of PNG, JPEG, WebP, BMP, TIFF, GIF": f"{SYNSETS[0]}/notes.txt",
        "link to nothing": f"{SYNSETS[0]}/gone.JPEG",
    }


def test_a_class_of_imagenet_without_images_is_an_error(tmp_path):
    root = write_tree(tmp_path / "tree", imagenet_files())
    (root / "train/n09999999").mkdir()
    with pytest.raises(UserError, match=r"every image of .*n09999999 is missing: log in") as error:
        source_of(settings_of("imagenet", root))
    one_line(error)


# ---------------------------------------------------------------- counts, files, states


def test_published_counts_are_those_of_the_paper():
    counts = {section.images for section in SECTIONS.values()}
    assert counts == {published_images(kind) for kind in published()}
    celeba = celeba_kind.IMAGES
    assert celeba["all"] == celeba["train"] + celeba["valid"] + celeba["test"]


def published_images(kind: str) -> int:
    return DATASET_KINDS[kind].settings(image_size=8).images


@pytest.mark.parametrize("kind", published())
def test_a_truncated_set_is_noticed(kind, tmp_path, celeba):
    files = imagenet_files()
    roots = {"lsun": tmp_path / "lsun", "celeba": celeba, "imagenet": tmp_path / "imagenet"}
    write_lsun(roots["lsun"], lsun_images(10))
    write_archive(roots["imagenet"], files)
    found = {"lsun": 10, "celeba": 6, "imagenet": len(files)}[kind]
    with pytest.raises(
        UserError, match=rf"own\.expected_images: {found} images, not {published_images(kind)}"
    ) as error:
        pack(tmp_path / "packed", settings_of(kind, roots[kind]))
    assert f"set expected_images to {found}, or to null" in one_line(error)
    assert not (tmp_path / "packed/manifest.json").exists()
    # Accepting what is there goes on from what was decoded, with null as with the number.
    for expected in (found, None):
        settings = settings_of(kind, roots[kind], expected_images=expected)
        assert len(pack(tmp_path / "packed", settings).images) == found


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("lsun", ["data.mdb is missing", "snakemake download", "bedroom_train_lmdb.zip"]),
        ("celeba", ["img_align_celeba is missing", "list_eval_partition.txt", "quota"]),
        ("imagenet", ["ILSVRC2012_img_train.tar is missing", "log in at", "train/"]),
    ],
)
def test_missing_data_are_one_line_of_the_job_that_prepares_them(kind, words, tmp_path):
    settings = settings_of(kind, tmp_path / "none", image_size=64)
    script = Path("workflow/scripts/prepare_data.py")
    command = [sys.executable, script, "--settings", json.dumps(settings)]
    result = subprocess.run(
        [*command, "--output-dir", tmp_path / "packed"], capture_output=True, text=True
    )
    assert result.returncode == 1
    assert result.stderr.startswith("error: datasets.own.root: ")
    assert len(result.stderr.splitlines()) == 1
    assert all(word in result.stderr for word in words)
    assert not (tmp_path / "packed").exists()


def test_states_change_with_the_raw_data(tmp_path, celeba):
    write_lsun(tmp_path, lsun_images(3))
    write_archive(tmp_path, imagenet_files())
    write_tree(tmp_path / "tree", imagenet_files())
    cases = {
        "lsun": (tmp_path, tmp_path / "bedroom_train_lmdb/data.mdb"),
        "celeba": (celeba, celeba / "list_eval_partition.txt"),
        "imagenet": (tmp_path, tmp_path / "ILSVRC2012_img_train.tar"),
    }
    for kind, (root, file) in cases.items():
        before = raw_state(kind, str(root))
        assert before == raw_state(kind, str(root)) != ""
        os.utime(file, (1, 1))
        assert raw_state(kind, str(root)) != before
        assert raw_state(kind, str(tmp_path / "none")) == ""
    before = raw_state("imagenet", str(tmp_path / "tree"))
    (tmp_path / "tree/train/n00000001").mkdir()
    assert raw_state("imagenet", str(tmp_path / "tree")) != before


# ---------------------------------------------------------------- configuration


def paper_config(**dataset) -> dict:
    rates = {"generator_rate": 1e-4, "discriminator_rate": 4e-4}
    return {
        "datasets": {"own": {"kind": "imagenet", "image_size": 128, **dataset}},
        "experiments": {
            "biggan": {
                "section": "4.3",
                "title": "BigGAN",
                "dataset": "own",
                "networks": {
                    "kind": "biggan",
                    "latent": 120,
                    "generator_width": 96,
                    "discriminator_width": 96,
                },
                "objective": {"kind": "hinge"},
                "seeds": [0],
                "limits": {"steps": 10},
                "fid": {
                    "features": "classifier",
                    "samples": 100,
                    "threshold": 25.0,
                    "grid": {"kind": "linear", "every": 10},
                },
                "batch_sizes": [2048],
                "optimizers": {"Adam": rates},
                "ratio": {"experiment": "biggan", "optimizer": "Adam"},
            }
        },
    }


def test_every_kind_has_a_reader_and_a_schema():
    (dataset,) = schema()["properties"]["datasets"]["patternProperties"].values()
    enumerated = dataset["properties"]["kind"]["enum"]
    assert sorted(DATASET_KINDS) == sorted(enumerated)


def test_the_grid_is_planned_without_the_data():
    config = load(paper_config(root="no/such/folder"))
    dataset = config.datasets["own"]
    assert (dataset.channels, dataset.has_labels) == (3, True)
    assert len(config.runs()) == 1
    assert config.dataset_settings("own") == {
        "name": "own",
        "kind": "imagenet",
        "image_size": 128,
        "root": "no/such/folder",
        "max_skipped_share": 0.01,
    }


@pytest.mark.parametrize("kind", ["lsun", "celeba"])
def test_bedrooms_and_faces_have_no_labels(kind):
    with pytest.raises(UserError, match="needs labels, which own has not: use a data set with"):
        load(paper_config(kind=kind))


def test_batch_sizes_are_held_against_the_expected_number():
    load(paper_config(expected_images=None))
    load(paper_config(expected_images=2048))
    with pytest.raises(UserError, match="is 2048, above the 2047 images of own"):
        load(paper_config(expected_images=2047))
    config = paper_config()
    config["experiments"]["biggan"]["batch_sizes"] = [1_281_168]
    with pytest.raises(UserError, match="above the 1281167 images of own"):
        load(config)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"expected_images": 0}, "expected_images is 0: use a whole number of at least 1"),
        ({"expected_images": 1.5}, "expected_images is 1.5: use a whole number"),
        ({"max_skipped_share": 1}, "max_skipped_share is 1: use a number of at least 0 and below"),
        ({"split": "train"}, "split is not a known key of kind imagenet"),
        ({"kind": "celeba", "split": "dev"}, "split is 'dev': use one of train, valid, test, all"),
    ],
)
def test_keys_of_the_kinds_are_checked(wrong, message):
    with pytest.raises(UserError) as error:
        load(paper_config(**wrong))
    assert f"config: datasets.own.{message}" in one_line(error)
