"""Truncated files and flipped bytes between stages: found and named, or without effect."""

import csv
import json
import shutil
import sys

import aggregate_runs
import compute_reference
import evaluate_runs
import numpy as np
import pytest
import torch
import train_classifier
import train_gan
from conftest import SETTINGS, job_of
from critical_batch.data import packed
from critical_batch.data.kinds import source_of
from critical_batch.data.packed import PackedDataset
from critical_batch.data.packing import write_packed
from critical_batch.data.reader import array_source
from critical_batch.metrics.features.classifier import Classifier, load_classifier, save_classifier
from critical_batch.metrics.frechet import Moments, Reference
from critical_batch.runs.record import check_beside, read_record, write_record
from critical_batch.runtime.errors import UserError
from critical_batch.training.fit import check_fit
from critical_batch.training.resume_state import StateFile
from PIL import Image

RANDOM = np.random.default_rng(0)


def flipped(data: bytes, position: int) -> bytes:
    return data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]


def damaged(path, positions):
    """Puts the file in place with one byte after the other flipped, cut at a few lengths, whole."""
    whole = path.read_bytes()
    for position in positions:
        path.write_bytes(flipped(whole, position))
        yield position
    for length in (0, 1, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        yield length
    path.write_bytes(whole)


def refused(function, *arguments) -> str:
    with pytest.raises(UserError) as error:
        function(*arguments)
    assert len(str(error.value).splitlines()) == 1
    return str(error.value)


def outcome(function, *arguments) -> str:
    """The message that the call ends with, "" where it succeeds."""
    try:
        function(*arguments)
    except UserError as error:
        return str(error)
    return ""


# ---------------------------------------------------------------- packed data


def pack(directory, count=50, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (count, 4, 4, 1), dtype=np.uint8)
    source = array_source(pixels, np.arange(count) % 3, ["a", "b", "c"], (4, 4, 1))
    write_packed(directory, {"name": directory.name, "kind": "toy"}, source)
    return directory


@pytest.mark.parametrize("name", ["images.npy", "labels.npy"])
def test_any_damage_of_packed_data_is_found(tmp_path, name):
    directory = pack(tmp_path / "own")
    size = (directory / name).stat().st_size
    whole = PackedDataset.checked(directory)
    pixels, labels = np.array(whole.images), np.array(whole.labels)
    found = 0
    for _ in damaged(directory / name, [*range(128), *RANDOM.integers(128, size, 30)]):
        if message := outcome(PackedDataset.checked, directory):
            assert str(directory) in message
            found += 1
        else:  # such as =i8 for <i8 in the header
            opened = PackedDataset.checked(directory)
            np.testing.assert_array_equal(opened.images, pixels)
            np.testing.assert_array_equal(opened.labels, labels)
    assert found > 155


@pytest.mark.parametrize("whole", [True, False])
def test_of_a_large_set_a_sample_and_all_labels_are_read(tmp_path, monkeypatch, whole):
    monkeypatch.setattr(packed, "READ_WHOLE_BYTES", 0)
    monkeypatch.setattr(packed, "SAMPLED_IMAGES", 10)
    directory, other = pack(tmp_path / "own"), pack(tmp_path / "other", seed=1)
    pixels = (directory / "images.npy").read_bytes()
    for name in ("images.npy", "labels.npy"):
        for _ in damaged(directory / name, [128 + 8] if name == "labels.npy" else []):
            refused(PackedDataset.checked, directory, whole)
    (directory / "images.npy").write_bytes((other / "images.npy").read_bytes())
    assert "sha256 of manifest.json" in refused(PackedDataset.checked, directory, whole)
    (directory / "images.npy").write_bytes(flipped(pixels, 128 + 16 * 7))  # not in the sample
    if whole:
        refused(PackedDataset.checked, directory, whole)
    else:
        PackedDataset.checked(directory)


def test_data_of_another_name_are_refused(tmp_path):
    pack(tmp_path / "own").rename(tmp_path / "other")
    message = refused(PackedDataset.checked, tmp_path / "other")
    assert message.startswith(f"{tmp_path / 'other/manifest.json'} is that of own, not of other:")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"name": "own"}', "\xff"])
def test_a_manifest_that_is_none_is_refused(tmp_path, text):
    directory = pack(tmp_path / "own")
    (directory / "manifest.json").write_text(text, encoding="latin-1")
    assert "manifest.json" in refused(PackedDataset.checked, directory)


# ---------------------------------------------------------------- raw images


def test_a_damaged_picture_is_skipped_and_named_or_the_same(tmp_path):
    root = tmp_path / "images"
    root.mkdir()
    for number in range(3):
        pixels = RANDOM.integers(0, 256, (8, 8), dtype=np.uint8)
        Image.fromarray(pixels).save(root / f"{number}.png")
    settings = {"name": "own", "kind": "image_folder", "root": str(root), "image_size": 8}
    settings |= {"channels": 1, "max_skipped_share": 0.5}
    write_packed(tmp_path / "own", settings, source_of(settings))
    good = np.load(tmp_path / "own/images.npy")
    skipped = 0
    size = (root / "1.png").stat().st_size
    for _ in damaged(root / "1.png", range(size)):
        manifest = write_packed(tmp_path / "own", settings, source_of(settings))
        images = np.load(tmp_path / "own/images.npy")
        if manifest["skipped"]:
            assert manifest["skipped"] == ["1.png"]
            skipped += 1
            np.testing.assert_array_equal(images, good[[0, 2]])
        else:
            np.testing.assert_array_equal(images, good)
    assert skipped > 0.7 * size
    strict = settings | {"max_skipped_share": 0.01}
    (root / "1.png").write_bytes((root / "1.png").read_bytes()[:50])
    message = refused(write_packed, tmp_path / "own", strict, source_of(strict))
    assert "1 of 3 images cannot be read, more than 1 %: " in message
    assert "(1, '1.png')" in message


# ---------------------------------------------------------------- features


def test_any_damage_of_a_classifier_is_found(tmp_path):
    path = tmp_path / "classifier.safetensors"
    network = Classifier(8, 1, 3)
    save_classifier(network, path)
    size = path.stat().st_size
    images = torch.randint(0, 256, (4, 1, 8, 8), dtype=torch.uint8)
    found = 0
    positions = [*range(0, 2000, 13), *RANDOM.integers(2000, size, 40)]
    for _ in damaged(path, positions):
        if message := outcome(load_classifier, path):
            assert str(path) in message
            found += 1
        else:
            assert torch.equal(load_classifier(path).features(images), network.features(images))
    assert found >= len(positions)


def test_any_damage_of_reference_statistics_is_found(tmp_path):
    path = tmp_path / "reference.npz"
    moments = Moments(4)
    moments.update(torch.randn(30, 4, generator=torch.Generator().manual_seed(0)))
    reference = Reference.of(moments, "key")
    reference.save(path)
    for _ in damaged(path, range(0, path.stat().st_size, 7)):
        if message := outcome(Reference.load, path):
            assert str(path) in message
            continue
        loaded = Reference.load(path)  # a time stamp of the archive, say
        for name in ("mean", "covariance", "root"):
            assert torch.equal(getattr(loaded, name), getattr(reference, name))
        assert loaded.key == "key"


# ---------------------------------------------------------------- records


def test_any_damage_of_a_record_and_its_files_is_found(tmp_path):
    record, beside = tmp_path / "run.json", [tmp_path / name for name in ("a.csv", "b.bin")]
    for file in beside:
        file.write_bytes(b"0123456789")
    write_record(record, {"steps": 100, "fid": 9.5, "seeds": [0, 1], "note": None}, beside)
    expected = read_record(record)
    assert expected["steps"] == 100
    for _ in damaged(record, range(record.stat().st_size)):
        if message := outcome(read_record, record):
            assert str(record) in message
            continue
        loaded = read_record(record)  # the digest's own name has changed
        assert {key: loaded.get(key) for key in expected} == expected
    for file in beside:
        for _ in damaged(file, range(10)):
            message = refused(check_beside, record, expected, file.name)
            assert message == f"{file} is not the one of {record}: delete both and run again"
        file.unlink()
        refused(check_beside, record, expected, file.name)


# ---------------------------------------------------------------- jobs


def call(script, monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["script", *map(str, words)])
    return script.main


def copied(tiny, folder):
    import shutil

    shutil.copytree(tiny.data_dir, folder / "tiny")
    return type(tiny)(*(folder / "tiny" / name for name in ("", *FILES)))


FILES = ("classifier.safetensors", "reference.npz")
INPUTS = {
    "images.npy": "tiny: images.npy or labels.npy is damaged",
    "labels.npy": "tiny: images.npy or labels.npy is damaged",
    "classifier.safetensors": "classifier.safetensors is not a classifier's weights",
    "reference.npz": "reference.npz is damaged",
}


@pytest.mark.parametrize("name", INPUTS)
def test_training_names_the_damaged_input(tiny, tmp_path, monkeypatch, name):
    tiny = copied(tiny, tmp_path)
    path = tiny.data_dir / name
    data = path.read_bytes()
    path.write_bytes(flipped(data, len(data) // 2 if name != "labels.npy" else 128))
    main = call(train_gan, monkeypatch, *tiny.command(tmp_path / "out", SETTINGS))
    assert INPUTS[name] in refused(main)
    assert not (tmp_path / "out").exists()


def test_a_batch_above_the_images_that_were_readable_is_one_line(tiny, tmp_path, monkeypatch):
    """The configuration is checked against files; damaged ones are known after preparation."""
    from conftest import Tiny

    folder = tmp_path / "tiny"
    shutil.copytree(tiny.data_dir, folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"skipped": ["a/1.png"]}))
    fewer = Tiny(folder, tiny.weights, tiny.reference)
    settings = SETTINGS | {"batch_size": 61}
    main = call(train_gan, monkeypatch, *fewer.command(tmp_path / "out", settings))
    assert refused(main) == (
        "experiments.tiny.batch_sizes: 61 is above the 60 images that could be read of tiny "
        "(1 could not): use at most 60, or repair the others"
    )
    assert not (tmp_path / "out").exists()


def test_networks_that_need_labels_need_them_after_preparation_too():
    job = job_of(SETTINGS | {"networks": {"kind": "biggan"}})
    manifest = {"name": "own", "images": 60, "skipped": [], "classes": 0}
    assert "networks.kind: biggan needs labels" in refused(check_fit, job, manifest, "b")
    check_fit(job, manifest | {"classes": 3}, "b")


def test_statistics_of_other_data_are_refused(tiny, tmp_path, monkeypatch):
    tiny = copied(tiny, tmp_path)
    settings = SETTINGS | {"fid": SETTINGS["fid"] | {"pixel_map": "stretch"}}
    main = call(train_gan, monkeypatch, *tiny.command(tmp_path / "out", settings))
    assert "reference.npz belongs to other data" in refused(main)


@pytest.mark.parametrize("script", [train_classifier, compute_reference])
def test_features_are_not_made_of_damaged_data(tiny, tmp_path, monkeypatch, script):
    tiny = copied(tiny, tmp_path)
    path = tiny.data_dir / "images.npy"
    path.write_bytes(flipped(path.read_bytes(), 3000))
    words = {
        train_classifier: ["--output-weights", tmp_path / "w", "--output-record", tmp_path / "r"],
        compute_reference: [
            *("--features", '{"features": "classifier"}', "--weights", tiny.weights),
            *("--pixel-map", "fixed", "--output", tmp_path / "reference.npz"),
        ],
    }[script]
    main = call(script, monkeypatch, "--data-dir", tiny.data_dir, *words)
    assert "images.npy or labels.npy is damaged" in refused(main)


@pytest.fixture(scope="module")
def trained(tiny, tmp_path_factory):
    """The outputs of one short training."""
    folder = tmp_path_factory.mktemp("trained")
    settings = SETTINGS | {"limits": {"steps": 20, "samples": None}, "seeds": [0]}
    patch = pytest.MonkeyPatch()
    call(train_gan, patch, *tiny.command(folder, settings))()
    patch.undo()
    return folder


def test_evaluation_names_damaged_generators(tiny, trained, tmp_path, monkeypatch):
    folder = tmp_path / "experiment/Adam/b4/seeds_0"
    folder.mkdir(parents=True)
    words = {
        "--runs-dir": tmp_path / "experiment/Adam",
        "--batch-sizes": 4,
        "--groups": 0,
        "--data-dir": tiny.data_dir,
        "--weights": tiny.weights,
        "--reference": tiny.reference,
        "--samples": 80,
        "--seeds": 1,
        "--output": tmp_path / "evaluation.csv",
    }
    for name in ("run.json", "generators.safetensors", "history.csv"):
        (folder / name).write_bytes((trained / name).read_bytes())
    main = call(evaluate_runs, monkeypatch, *(word for pair in words.items() for word in pair))
    for name in ("generators.safetensors", "run.json"):
        whole = (folder / name).read_bytes()
        for data in (b"", whole[:-3], flipped(whole, len(whole) // 2), flipped(whole, 9)):
            (folder / name).write_bytes(data)
            assert name in refused(main)
            assert not (tmp_path / "evaluation.csv").exists()
            assert not (folder / "distances.json").exists()
        (folder / name).write_bytes(whole)
    main()
    whole = (tmp_path / "evaluation.csv").read_bytes()
    with open(tmp_path / "evaluation.csv") as file:
        assert len(list(csv.DictReader(file))) == 1
    # What is kept beside the run is used where it is whole, and made again where it is not.
    kept = (folder / "distances.json").read_bytes()
    for data in (kept, kept[:-3], flipped(kept, len(kept) // 2), b"{}", b""):
        (folder / "distances.json").write_bytes(data)
        main()
        assert (tmp_path / "evaluation.csv").read_bytes() == whole
        assert (folder / "distances.json").read_bytes() == kept


def test_evaluation_goes_on_where_it_was_interrupted(tiny, trained, tmp_path, monkeypatch):
    evaluated, runs = [], tmp_path / "experiment/Adam"
    folders = [runs / f"b{b}/seeds_0" for b in (4, 8, 16)]
    for folder in folders:
        folder.mkdir(parents=True)
        for name in ("run.json", "generators.safetensors", "history.csv"):
            (folder / name).write_bytes((trained / name).read_bytes())

    def evaluate(*batch_sizes, samples=80):
        words = ["--runs-dir", runs, "--batch-sizes", *batch_sizes, "--groups", 0]
        words += ["--data-dir", tiny.data_dir, "--weights", tiny.weights]
        words += ["--reference", tiny.reference, "--samples", samples, "--seeds", 2]
        evaluated.clear()
        call(evaluate_runs, monkeypatch, *words, "--output", tmp_path / "evaluation.csv")()
        return [path.parent for path in evaluated]

    original = evaluate_runs.evaluated

    def noted(path, *arguments):
        evaluated.append(path)
        return original(path, *arguments)

    monkeypatch.setattr(evaluate_runs, "evaluated", noted)
    assert evaluate(4) == folders[:1]
    assert evaluate(4, 8) == folders[1:2]  # as if a batch size had been added
    assert evaluate(4, 8) == []
    assert evaluate(4, 8, samples=81) == folders[:2]
    assert evaluate(4, 8, 16, samples=81) == folders[2:]
    with open(tmp_path / "evaluation.csv") as file:
        assert len(list(csv.DictReader(file))) == 3 * 2


def test_aggregating_names_the_damaged_file(trained, tmp_path, monkeypatch):
    folder = tmp_path / "experiment/Adam/b4/seeds_0"
    folder.mkdir(parents=True)
    for name in ("run.json", "history.csv"):
        (folder / name).write_bytes((trained / name).read_bytes())
    evaluations = tmp_path / "experiment/Adam/evaluation.csv"
    header = "experiment,optimizer,batch_size,seed,evaluation_seed,samples,distance\n"
    evaluations.write_text(f"{header}experiment,Adam,4,0,0,80,9.5\n")
    tables = ("steps", "critical", "networks", "evaluation", "speed")
    outputs = [word for name in tables for word in (f"--{name}", tmp_path / "out" / f"{name}.csv")]
    main = call(aggregate_runs, monkeypatch, "--runs", folder / "run.json", *outputs)
    text = (folder / "run.json").read_text()
    steps = json.loads(text)["results"][0]["final_step"]
    (folder / "run.json").write_text(text.replace(f": {steps}", f": {steps + 1}"))
    assert "run.json is damaged" in refused(main)
    (folder / "run.json").write_text(text)
    for content in ("", "seed,fid\n", f"{header}experiment,Adam,4,0,0,80,x\n", "0,\0,\n"):
        evaluations.write_text(content)
        assert "evaluation.csv is not as expected" in refused(main)
    assert not (tmp_path / "out").exists()


# ---------------------------------------------------------------- pickles


class Malicious:
    """Unpickling it would make a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_a_malicious_state_is_not_executed(tmp_path):
    state = {"version": 1, "job": "job", "state": Malicious(tmp_path / "pwned")}
    torch.save(state, tmp_path / "state.pt")
    loaded, line = StateFile(tmp_path / "state.pt", "job").load()
    assert loaded is None
    assert "state.pt" in line
    assert len(line.splitlines()) == 1
    # One whose first line and digest are right gets as far as torch.
    file = StateFile(tmp_path / "whole.pt", "job")
    file.save({"progress": {"step": 1}, "players": Malicious(tmp_path / "pwned")})
    loaded, line = file.load()
    assert loaded is None
    assert str(tmp_path / "whole.pt") in line
    assert not (tmp_path / "pwned").exists()


def test_malicious_weights_and_arrays_are_not_executed(tmp_path):
    from critical_batch.metrics.features.inception import load_inception
    from critical_batch.runtime.files import sha256

    torch.save({"fc.bias": Malicious(tmp_path / "pwned")}, tmp_path / "inception.pth")
    digest = sha256(tmp_path / "inception.pth")
    message = refused(load_inception, tmp_path / "inception.pth", "clean", digest)
    assert "does not hold Inception's weights" in message
    (tmp_path / "classifier.safetensors").write_bytes((tmp_path / "inception.pth").read_bytes())
    refused(load_classifier, tmp_path / "classifier.safetensors")
    objects = np.array([Malicious(tmp_path / "pwned")], dtype=object)
    np.savez(tmp_path / "reference.npz", mean=objects, covariance=objects, root=objects)
    refused(Reference.load, tmp_path / "reference.npz")
    directory = pack(tmp_path / "own")
    np.save(directory / "labels.npy", objects, allow_pickle=True)
    refused(PackedDataset.checked, directory)
    assert not (tmp_path / "pwned").exists()
