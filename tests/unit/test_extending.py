"""docs/extending.md as it stands: one file is enough to configure, to prepare and to train."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from config_examples import X, changed, minimal, problem
from conftest import Tiny
from critical_batch.configuration import load, schema
from critical_batch.configuration.json_schema import SCHEMA_FILE
from critical_batch.data.kinds import DATASET_KINDS
from critical_batch.metrics.features.kinds import FEATURE_NETWORKS
from critical_batch.metrics.kinds import METRICS
from critical_batch.registries.code_digest import code_digest
from installed import install
from page_files import LIBRARY, files_of_page, modules_of_page, sections_of

SECTIONS = ("Data-set kinds", "Feature networks", "Metrics")
PAGE = sections_of(Path("docs/extending.md").read_text(), *SECTIONS)
DATASET = "datasets/fashion-mnist"
ADDED = {"data.kinds": "npz", "metrics.features.kinds": "pixels", "metrics.kinds": "means"}


@pytest.fixture
def digits(tmp_path):
    """A folder with the file of the example: 60 images of 20 x 20 in three classes."""
    labels = np.arange(60) % 3
    images = np.random.default_rng(0).integers(0, 80, (60, 20, 20)) + 80 * labels[:, None, None]
    folder = tmp_path / "digits"
    folder.mkdir()
    np.savez(folder / "images.npz", images=images.astype(np.uint8), labels=labels)
    return folder


@pytest.fixture
def page(tmp_path):
    """The page's entries in this process."""
    schema.cache_clear()
    with modules_of_page(PAGE, tmp_path / "page"):
        yield
    DATASET_KINDS.pop("npz", None)
    FEATURE_NETWORKS.pop("pixels", None)
    METRICS.pop("means", None)
    schema.cache_clear()


def config(root: Path, **changes) -> dict:
    """The minimal configuration with the page's data set, feature network and metric."""
    fid = {"features": "pixels", "samples": 70}
    fid["grid"] = {"kind": "linear", "every": 2}
    return changed(
        minimal(),
        {
            DATASET: {"kind": "npz", "root": str(root), "image_size": 16},
            f"{X}/fid": fid,
            f"{X}/metrics": {"means": {}},
            f"{X}/stop": {"metric": "means", "at_most": 0.001},
            f"{X}/limits": {"steps": 4},
            f"{X}/seeds": [0],
            f"{X}/batch_sizes": [4],
            **changes,
        },
    )


def test_the_examples_are_checked_like_what_is_built_in(page, digits):
    loaded = load(config(digits))
    dataset, experiment = loaded.datasets["fashion-mnist"], loaded.experiments["dcgan-fashion"]
    assert (dataset.channels, dataset.has_labels, dataset.images) == (1, True, None)
    assert dataset.to_json() == {
        **{"name": "fashion-mnist", "kind": "npz"},
        **{"root": str(digits), "image_size": 16},
    }
    assert experiment.metric == "pixel-mean distance"
    assert experiment.reference_keys == {"means": "pixels-fixed.means", "fid": "pixels-fixed"}
    assert (experiment.fid.resize, experiment.fid.weights) == (None, None)
    for changes, message in (
        ({f"{DATASET}/rooot": "x"}, "rooot is not a known key of kind npz: did you mean root?"),
        ({f"{DATASET}/image_size": 17}, "image_size is 17: use one of 8, 16, 32, 64, 128, 256"),
        ({f"{DATASET}/root": "no"}, "root is 'no', not a folder: correct it or put the images"),
        ({f"{DATASET}/root": str(digits.parent)}, "where images.npz is missing: put it there"),
        ({f"{X}/fid/samples": 64}, "is 64: use more than 64, the dimension of the pixels features"),
        ({f"{X}/fid/resize": "clean"}, "is clean, but the pixels features are not those of"),
        ({f"{X}/fid/features": "pixel"}, "use one of classifier, inception, pixels"),
        ({f"{X}/metrics": {"means": {"of": 1}}}, "metrics.means.of is not a known key"),
        ({f"{X}/stop/metric": "mean"}, "stop.metric is 'mean': use one of fid, kid, means"),
    ):
        assert message in problem(config(digits, **changes))


def test_editors_see_entries_once_they_are_written_into_the_schema(page):
    described = json.dumps(schema())
    assert "Grey images with labels in one file of NumPy" in described
    assert "Inception (paper; its distance is the FID) or pixels of small grey copies" in described
    assert "npz" not in SCHEMA_FILE.read_text()


@pytest.fixture
def scripts(tmp_path):
    """A copy of the scripts and the library, with the files of the page."""
    ignored = shutil.ignore_patterns("__pycache__")
    copy = Path(shutil.copytree("workflow/scripts", tmp_path / "scripts", ignore=ignored))
    for path, code in files_of_page(PAGE).items():
        (copy / path.removeprefix(LIBRARY)).write_text(code)
    return copy


@pytest.fixture
def site(tmp_path):
    """A folder of installed packages, with the files of the page as one."""
    package = {Path(path).name: code for path, code in files_of_page(PAGE).items()}
    modules = {f"lab/{name}": code for name, code in package.items()} | {"lab/__init__.py": ""}
    points = {
        "datasets": {"npz": "lab.npz:KIND"},
        "features": {"pixels": "lab.pixels:KIND"},
        "metrics": {"means": "lab.means:METRIC"},
    }
    install(tmp_path / "site", "lab", modules, points)
    return tmp_path / "site"


CONFIGURED = """
import json, sys
from critical_batch.configuration import load, schema_text
config = load(json.load(sys.stdin))
job = config.training_job(config.runs()[0])
dataset, features = config.dataset_settings("fashion-mnist"), job.fid.network
print(json.dumps([dataset, job.to_json(), features.to_json(), "npz" in schema_text()]))
"""


@pytest.mark.parametrize("where", ["scripts", "site"])
def test_one_file_each_prepares_and_trains(where, request, digits, tmp_path):
    """Through the scripts that rules call, in processes that know nothing of this test.

    The files lie in the library's folders, or in an installed package.
    """
    folder = request.getfixturevalue(where)
    scripts = folder if where == "scripts" else Path("workflow/scripts").resolve()
    environment = os.environ | ({"PYTHONPATH": str(folder)} if where == "site" else {})

    def call(script: str, *words: object, **more) -> str:
        command, more = [sys.executable, script, *map(str, words)], more | {"env": environment}
        done = subprocess.run(command, cwd=scripts, capture_output=True, text=True, **more)
        assert done.returncode == 0, done.stderr
        return done.stdout

    told = call("-c", CONFIGURED, input=json.dumps(config(digits)))
    *settings, in_schema = json.loads(told)
    assert in_schema == (where == "scripts")  # that of editors has what comes with the library
    dataset, job, features = map(json.dumps, settings)
    packed = tmp_path / "fashion-mnist"
    references = {metric: tmp_path / f"{metric}.npz" for metric in ("means", "fid")}
    output = ("--output-dir", packed, "--threads", 2)
    said = call("prepare_data.py", "--settings", dataset, *output)
    assert "fashion-mnist: 60 images, 0 skipped" in said
    manifest = json.loads((packed / "manifest.json").read_text())
    assert (manifest["kind"], manifest["class_names"]) == ("npz", ["0", "1", "2"])
    assert manifest["resize"] == "Pillow LANCZOS 20x20 -> 16x16"
    common = ("--data-dir", packed, "--weights", "")
    for metric, reference in references.items():
        of = ("--features", features, "--pixel-map", "fixed", "--metric", metric)
        told = call("compute_reference.py", *common, *of, "--output", reference)
        assert "60 images, 64 features" in told
    tiny = Tiny(packed, weights="", reference=references["means"])
    arguments = tiny.command(tmp_path, json.loads(job))
    place = arguments.index("--reference")
    arguments[place + 1 : place + 2] = map(str, references.values())
    call("train_gan.py", *arguments)
    run = json.loads((tmp_path / "run.json").read_text())
    assert (run["metric"], run["dataset"]["images"]) == ("pixel-mean distance", 60)
    assert [result["steps"] for result in run["results"]] == [None]
    history = pd.read_csv(tmp_path / "history.csv").set_index(["step", "metric"])["value"]
    # The squared distance of the means is a part of the Fréchet distance.
    assert 0.001 < history[4, "means"] < history[4, "fid"]


def test_a_damaged_file_is_one_line(scripts, digits):
    (digits / "images.npz").write_bytes(b"PK\x03\x04 no more")
    settings = {"name": "own", "kind": "npz", "root": str(digits), "image_size": 16}
    command = [sys.executable, "prepare_data.py", "--settings", json.dumps(settings)]
    done = subprocess.run(
        [*command, "--output-dir", digits / "packed"], cwd=scripts, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: datasets.own.root: {digits}/images.npz (")
    assert len(done.stderr.splitlines()) == 1


def test_nothing_else_runs_again(scripts):
    """Jobs of other entries depend on no file of the page."""
    for script in ("prepare_data.py", "train_gan.py", "compute_reference.py"):
        uses = {
            "data.kinds": {"mnist"},
            "metrics.features.kinds": {"classifier"},
            "metrics.kinds": {"fid"},
            "networks.kinds": {"dcgan"},
            "objectives": {"bce"},
            "optimizers": {"Adam"},
        }
        here = code_digest(Path("workflow/scripts") / script, uses)
        assert code_digest(scripts / script, uses) == here
    uses = {registry: {name} for registry, name in ADDED.items()}
    assert code_digest(scripts / "compute_reference.py", uses) != here
