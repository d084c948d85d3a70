"""The classifier as feature network, and the two scripts around it."""

import json
import sys

import compute_reference
import numpy as np
import pytest
import torch
import train_classifier as train_script
from critical_batch.data.few_images import singular_reference
from critical_batch.data.packing import write_packed
from critical_batch.data.reader import array_source
from critical_batch.metrics.features.classifier import (
    Classifier,
    load_classifier,
    save_classifier,
    train_classifier,
)
from critical_batch.metrics.features.loading import FEATURE_NETWORKS, load_features
from critical_batch.metrics.features.settings import FeatureSettings
from critical_batch.metrics.frechet import Moments, Reference
from critical_batch.runtime.errors import UserError
from critical_batch.runtime.files import sha256
from critical_batch.runtime.streams import generator
from torch import nn


def striped(count=400, size=8, channels=1):
    """Images of 4 classes: bright stripes across, along, across of half width, and noise."""
    random = np.random.default_rng(0)
    labels = np.arange(count) % 4
    images = random.integers(0, 120, (count, size, size, channels))
    images[labels == 0, ::2] += 60
    images[labels == 1, :, ::2] += 60
    images[labels == 2, : size // 2] += 60
    return images.astype(np.uint8), labels.astype(np.int64)


def as_tensor(images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(images).permute(0, 3, 1, 2)


@pytest.fixture(scope="module")
def trained():
    torch.set_num_threads(1)
    images, labels = striped()
    return train_classifier(images, labels, classes=4, seed=1, epochs=8)


def test_learns_better_than_chance(trained):
    _, accuracy = trained
    # Chance is 0.25 with a standard error of 0.07 over the 40 held-out images.
    assert accuracy > 0.7


def test_training_is_deterministic(trained):
    images, labels = striped()
    torch.manual_seed(12345)
    network, accuracy = train_classifier(images, labels, classes=4, seed=1, epochs=8)
    assert accuracy == trained[1]
    for name, value in trained[0].state_dict().items():
        assert torch.equal(network.state_dict()[name], value), name


def plain_training(images, labels, classes, seed, epochs):
    """The classifier and its training as one plain loop; its weights by layer, and the accuracy."""
    held_out = len(images) // 10
    split = torch.randperm(len(images), generator=generator(seed, "classifier", 1)).numpy()
    test, train = np.sort(split[:held_out]), np.sort(split[held_out:])
    pixels = as_tensor(images).float() / 127.5 - 1
    targets = torch.from_numpy(labels)
    network = nn.Sequential(
        *(nn.Conv2d(images.shape[3], 16, 3, 2, 1), nn.ReLU()),
        *(nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU(), nn.Conv2d(32, 64, 3, 2, 1), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(256, 64), nn.ReLU()),
        nn.Linear(64, classes),
    )
    weights = generator(seed, "classifier", 0)
    for layer in network:
        if hasattr(layer, "weight"):
            nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu", generator=weights)
            nn.init.zeros_(layer.bias)
    size = min(128, len(train))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.006)
    total = epochs * (len(train) // size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.006, total_steps=total)
    for epoch in range(epochs):
        shuffled = torch.randperm(len(train), generator=generator(seed, "classifier", 2, epoch))
        order = train[shuffled.numpy()]
        for batch in range(len(train) // size):
            chosen = order[batch * size : (batch + 1) * size]
            loss = nn.functional.cross_entropy(network(pixels[chosen]), targets[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    with torch.no_grad():
        accuracy = (network(pixels[test]).argmax(1) == targets[test]).double().mean()
        features = network[:-2](pixels[train])
    layers = [layer for layer in network if hasattr(layer, "weight")]
    return layers, float(accuracy), features


@pytest.mark.parametrize(("count", "classes"), [(300, 4), (300, 2), (60, 4)])
def test_training_equals_a_plain_loop(count, classes):
    images, labels = striped(count=count, size=11, channels=3)
    labels = labels % classes
    network, accuracy = train_classifier(images, labels, classes, seed=3, epochs=2)
    layers, expected, features = plain_training(images, labels, classes, 3, 2)
    assert accuracy == pytest.approx(expected)
    found = [*network.convolutions, network.linear, network.head]
    for ours, plain in zip(found, layers, strict=True):
        torch.testing.assert_close(ours.weight, plain.weight, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(ours.bias, plain.bias, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(network.feature_mean, features.mean(0), rtol=1e-4, atol=1e-4)
    deviation = features.std(0, correction=1)
    torch.testing.assert_close(network.feature_deviation, deviation, rtol=1e-3, atol=1e-4)
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert not network.training


def test_seeds_differ(trained):
    images, labels = striped()
    network, _ = train_classifier(images, labels, classes=4, seed=2, epochs=1)
    assert not torch.equal(network.head.weight, trained[0].head.weight)


def test_features_are_standardised(trained):
    """Mean 0 and variance 1 over 90 % of these images; all of them come close."""
    features = trained[0].features(as_tensor(striped()[0]))
    assert (features.dtype, features.shape) == (torch.float32, (400, 64))
    assert not features.requires_grad
    assert features.mean(0).abs().max() < 0.1
    assert (features.var(0) - 1).abs().max() < 0.2


def test_features_do_not_depend_on_the_batch(trained, monkeypatch):
    images = as_tensor(striped()[0])[:50]
    together = trained[0].features(images)
    alone = torch.cat([trained[0].features(image[None]) for image in images])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-4)
    monkeypatch.setattr("critical_batch.metrics.features.classifier.CHUNK_PIXELS", 7 * 64)
    torch.testing.assert_close(together, trained[0].features(images), rtol=1e-4, atol=1e-4)


def test_logits_are_the_head_of_the_features(trained):
    """The standardisation is the only step between the features and what the head sees."""
    network, images = trained[0], as_tensor(striped()[0])[:9]
    raw = network.features(images) * network.feature_deviation + network.feature_mean
    torch.testing.assert_close(network.head(raw.relu()), network(images), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("size", [8, 16, 64, 256])
@pytest.mark.parametrize("channels", [1, 3])
def test_any_size_and_colour(size, channels):
    network = Classifier(size, channels, classes=2)
    images = torch.zeros(2, channels, size, size, dtype=torch.uint8)
    assert network.features(images).shape == (2, network.dimensions)
    assert network(images).shape == (2, 2)


def test_other_images_are_refused(trained):
    for images in (
        torch.zeros(2, 1, 8, 8),
        torch.zeros(2, 3, 8, 8, dtype=torch.uint8),
        torch.zeros(2, 1, 16, 16, dtype=torch.uint8),
    ):
        with pytest.raises(ValueError, match=r"not torch\.uint8 \(1, 8, 8\)"):
            trained[0].features(images)


def test_too_little_data_is_an_error():
    images, labels = striped(count=9)
    with pytest.raises(ValueError, match="too few"):
        train_classifier(images, labels, classes=4, seed=0, epochs=1)
    with pytest.raises(ValueError, match="too few"):
        train_classifier(*striped(count=20), classes=0, seed=0, epochs=1)


def test_save_and_load(trained, tmp_path):
    network, _ = trained
    save_classifier(network, tmp_path / "a.safetensors")
    save_classifier(network, tmp_path / "b.safetensors")
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    loaded = load_features(FeatureSettings("classifier"), tmp_path / "a.safetensors", "cpu")
    images = as_tensor(striped()[0])
    assert torch.equal(loaded.features(images), network.features(images))
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    assert loaded.name == "classifier"
    assert list(FEATURE_NETWORKS) == ["classifier", "inception"]


def test_missing_or_damaged_weights(trained, tmp_path):
    path = tmp_path / "weights.safetensors"
    with pytest.raises(UserError, match=r"weights\.safetensors is missing"):
        load_classifier(path)
    save_classifier(trained[0], path)
    whole = path.read_bytes()
    wrong_class_count = whole.replace(b'\\"classes\\": 4', b'\\"classes\\": 5')
    assert wrong_class_count != whole
    flipped = whole[:-1] + bytes([whole[-1] ^ 1])
    for data in (b"", whole[:20], whole[:-1], b"x" * 1000, wrong_class_count, flipped):
        path.write_bytes(data)
        with pytest.raises(UserError, match=r"weights\.safetensors") as error:
            load_classifier(path)
        assert "\n" not in str(error.value)


# ---------------------------------------------------------------- scripts


def pack(directory, size=8, classes=4, count=120):
    images, labels = striped(count=count, size=size)
    names = [str(label) for label in range(classes)]
    labels = labels if classes else np.full(len(images), -1)
    source = array_source(images, labels, names, images.shape[1:])
    write_packed(directory, {"name": directory.name, "kind": "toy"}, source)
    return images


def call(script, monkeypatch, **options) -> None:
    arguments = [
        part
        for name, value in options.items()
        for part in (f"--{name.replace('_', '-')}", str(value))
    ]
    monkeypatch.setattr(sys, "argv", ["script", *arguments])
    script.main()


def test_scripts_train_and_compute_the_reference(tmp_path, monkeypatch):
    images = pack(tmp_path / "data")
    weights, record_file = tmp_path / "classifier.safetensors", tmp_path / "classifier.json"
    call(
        train_script,
        monkeypatch,
        data_dir=tmp_path / "data",
        seed=3,
        epochs=2,
        output_weights=weights,
        output_record=record_file,
    )
    record = json.loads(record_file.read_text())
    manifest = json.loads((tmp_path / "data/manifest.json").read_text())
    assert (record["seed"], record["epochs"], record["features"]) == (3, 2, "classifier")
    assert 0 <= record["accuracy"] <= 1
    assert record["dataset"]["sha256"] == manifest["sha256"]
    assert record["weights_sha256"] == sha256(weights)

    references = {}
    for pixel_map in ("fixed", "stretch"):
        output = tmp_path / f"{pixel_map}.npz"
        call(
            compute_reference,
            monkeypatch,
            data_dir=tmp_path / "data",
            features='{"features": "classifier"}',
            weights=weights,
            pixel_map=pixel_map,
            output=output,
        )
        references[pixel_map] = Reference.load(output)
    moments = Moments(64)
    moments.update(load_classifier(weights).features(as_tensor(images)))
    fixed, stretch = references["fixed"], references["stretch"]
    assert fixed.count == 120
    torch.testing.assert_close(fixed.mean, moments.mean)
    torch.testing.assert_close(fixed.covariance, moments.covariance)
    assert fixed.key != stretch.key
    assert fixed.distance(stretch.mean, stretch.covariance) > 0.1

    pack(tmp_path / "larger", size=16)
    with pytest.raises(UserError, match="does not fit"):
        call(
            compute_reference,
            monkeypatch,
            data_dir=tmp_path / "larger",
            features='{"features": "classifier"}',
            weights=weights,
            pixel_map="fixed",
            output=tmp_path / "none.npz",
        )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": 0}, "needs labels, and it has none: for an image folder set labels: folders"),
        ({"classes": 1}, "needs two classes, and all images are of 'a': add another, or use feat"),
        ({"images": 9}, "needs 10 images, and there are 9 (3 could not be read): add some"),
    ],
)
def test_what_no_classifier_can_be_trained_on_is_one_line(changes, message):
    manifest = {"name": "own", "classes": 2, "images": 20, "class_names": ["a"]}
    with pytest.raises(UserError) as error:
        train_script.check_trainable(manifest | {"skipped": ["x", "y", "z"]} | changes)
    assert str(error.value).startswith("datasets.own: a classifier ")
    assert message in str(error.value)


def test_a_data_set_without_classes_is_refused(tmp_path, monkeypatch):
    pack(tmp_path / "data", classes=0)
    with pytest.raises(UserError, match="labels: folders"):
        call(
            train_script,
            monkeypatch,
            data_dir=tmp_path / "data",
            output_weights=tmp_path / "w.safetensors",
            output_record=tmp_path / "w.json",
        )


def test_few_real_images_are_said_with_their_number(tmp_path, monkeypatch, capsys):
    for count, warned in ((64, True), (65, False)):
        folder = tmp_path / str(count)
        pack(folder, count=count)
        save_classifier(Classifier(8, 1, 3), folder / "weights.safetensors")
        call(
            compute_reference,
            monkeypatch,
            data_dir=folder,
            features='{"features": "classifier"}',
            weights=folder / "weights.safetensors",
            pixel_map="fixed",
            output=folder / "reference.npz",
        )
        warning = f"warning: {count}: 64 real images are too few for 64 features: the covariance"
        assert capsys.readouterr().err.startswith(warning) == warned


@pytest.mark.parametrize(("images", "dimensions"), [(2, 64), (64, 64), (40, 2048), (2048, 2048)])
def test_no_more_images_than_features_make_a_singular_reference(images, dimensions):
    assert f"{images:,} real images are too few for {dimensions:,} features" in singular_reference(
        images, dimensions
    )
    assert singular_reference(dimensions + 1, dimensions) is None
