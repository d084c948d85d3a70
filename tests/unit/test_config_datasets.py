"""Data sets of a configuration, on disk and in what experiments ask of them."""

import errno

import pytest
from config_examples import (
    REMOVED,
    W,
    X,
    assert_refused,
    biggan,
    changed,
    image_folder,
    minimal,
    problem,
    with_images,
    without_prefix,
)
from critical_batch.configuration import load
from critical_batch.data.shape import ImageShape

MANY = [f"{label}/{number}.png" for label in "ab" for number in range(5)]

REFUSED = [
    (
        {f"{X}/dataset": "fashion"},
        f"{X}/dataset",
        "is 'fashion', not a data set: use one of fashion-mnist, mnist",
    ),
    (
        {"datasets/fashion-mnist/root": "no/such/folder"},
        "datasets/fashion-mnist/root",
        "is 'no/such/folder', not a folder: correct it or put the images there",
    ),
    (
        {"datasets/fashion-mnist/root": "workflow"},
        "datasets/fashion-mnist/root",
        "is 'workflow', where t10k-images-idx3-ubyte.gz is missing: put it there",
    ),
    (
        {f"{W}/optimizers/Adam/batch_sizes": [5_001]},
        f"{W}/optimizers/Adam/batch_sizes[0]",
        "above the 5000 images of mnist: use at most 5000",
    ),
    (
        {f"{X}/noise_probe": {"batch_size": 10_001}},
        f"{X}/noise_probe/batch_size",
        "above the 10000 images of fashion-mnist: use at most 10000",
    ),
]


@pytest.mark.parametrize(("changes", "path", "remedy"), REFUSED)
def test_refused_with_key_and_remedy(changes, path, remedy):
    assert_refused(changes, path, remedy)


def test_missing_labels_of_fashion_mnist(tmp_path):
    (tmp_path / "t10k-images-idx3-ubyte.gz").touch()
    config = changed(minimal(), {"datasets/fashion-mnist/root": str(tmp_path)})
    assert "where t10k-labels-idx1-ubyte.gz is missing" in problem(config)


def test_images_are_counted_in_all_folders_whatever_the_case_of_the_suffix(tmp_path):
    config = with_images(tmp_path, [*MANY, "a/deep/2.JPEG", "b/3.webp", "b/notes.txt", "b/png"])
    config["experiments"]["own"]["batch_sizes"] = [2, 12]
    assert len(load(config).runs()) == 6 + 1 + 4
    config["experiments"]["own"]["batch_sizes"] = [2, 13]
    assert problem(config) == (
        "config: experiments.own.batch_sizes[1] is 13, above the 12 images of faces: use at most 12"
    )


def test_a_folder_without_images(tmp_path):
    message = problem(with_images(tmp_path, ["a/notes.txt"], labels="none"))
    rest = without_prefix(message, "datasets.faces.root")
    formats = "PNG, JPEG, WebP, BMP, TIFF, GIF"
    assert rest == (
        f"is {str(tmp_path)!r}, without images (none of {formats} (1, 'a/notes.txt')): "
        f"put {formats} files there"
    )


def test_a_folder_of_damaged_images(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    message = problem(with_images(tmp_path, [], labels="none"))
    assert ", without images (damaged at its start (1, 'a.png')): put PNG" in message


def test_a_folder_that_cannot_be_read(tmp_path, monkeypatch):
    def scandir(path):
        raise PermissionError(errno.EACCES, "Permission denied", path)

    config = with_images(tmp_path, ["a/1.png"])
    monkeypatch.setattr("critical_batch.configuration.data_files.os.scandir", scandir)
    rest = without_prefix(problem(config), "datasets.faces.root")
    assert rest == f"holds {str(tmp_path)!r}: make it readable"


def test_a_missing_folder(tmp_path):
    message = problem(with_images(tmp_path, [], root=str(tmp_path / "none")))
    assert "not a folder: correct it" in without_prefix(message, "datasets.faces.root")


def test_a_folder_that_links_to_itself_is_counted_once(tmp_path):
    config = with_images(tmp_path, ["a/1.png", "a/2.png"])
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    config["experiments"]["own"]["batch_sizes"] = [3]
    assert "above the 2 images of faces" in problem(config)


def test_images_that_are_not_packed_are_not_counted(tmp_path):
    config = with_images(tmp_path / "root", ["a/1.png", "a/2.png", "a/._1.png", ".hidden/3.png"])
    (tmp_path / "root" / "a" / "empty.png").touch()
    (tmp_path / "root" / "a" / "inside.png").symlink_to(tmp_path / "root" / "a" / "1.png")
    (tmp_path / "root" / "a" / "broken.png").symlink_to(tmp_path / "none.png")
    config["experiments"]["own"]["batch_sizes"] = [9]
    assert "above the 3 images of faces" in problem(config)


def test_features_that_need_labels(tmp_path):
    config = with_images(tmp_path, ["a/1.png", "a/2.png"], labels="none")
    assert problem(config) == (
        "config: experiments.own.fid.features is classifier, which needs labels, which faces has "
        "not: set datasets.faces.labels to folders"
    )


def test_networks_that_need_labels(tmp_path):
    config = with_images(tmp_path, ["a/1.png", "a/2.png"], labels="none")
    config["experiments"]["own"]["networks"] = biggan()
    rest = without_prefix(problem(config), "experiments.own.networks.kind")
    assert rest.startswith("is biggan, which needs labels")


def test_ratio_from_a_generator_with_other_channels(tmp_path):
    config = with_images(tmp_path, MANY)
    config["experiments"]["own"]["ratio"]["experiment"] = "dcgan-fashion"
    assert "whose generator differs (channels 1, here 3)" in problem(config)
    config["datasets"]["faces"]["channels"] = 1
    assert load(config).datasets["faces"].channels == 1


def test_data_set_properties(tmp_path):
    config = load(with_images(tmp_path, MANY))
    fashion, mnist, faces = config.datasets.values()
    assert fashion.shape == mnist.shape == ImageShape(16, 1, 10)
    assert faces.shape == ImageShape(16, 3, 10)
    assert (fashion.kind, fashion.channels, fashion.has_labels) == ("fashion_mnist", 1, True)
    assert (mnist.root, mnist.channels, mnist.has_labels) == (None, 1, True)
    assert (faces.root, faces.channels, faces.has_labels) == (str(tmp_path), 3, True)
    assert config.dataset_settings("faces") == {
        "name": "faces",
        **image_folder(tmp_path),
        "channels": 3,
        "resize": "shortest_side",
        "max_skipped_share": 0.01,
        "max_pixels": None,
        "bits": None,
    }
    assert config.dataset_settings("mnist") == {"name": "mnist", "kind": "mnist", "image_size": 16}


def test_the_root_of_fashion_mnist_defaults_to_the_committed_files():
    config = load(changed(minimal(), {"datasets/fashion-mnist/root": REMOVED}))
    assert config.datasets["fashion-mnist"].root == "resources/fashion-mnist"
