import copy
import errno
import json
import math
import subprocess
import sys

import pytest
import yaml
from config_examples import REMOVED, changed, image_folder, minimal, networks, rates
from jsonschema import Draft202012Validator
from snakemake.cli import parse_config
from snakemake.utils import update_config
from ttur import config_schema
from ttur.config import load
from ttur.errors import UserError
from ttur.optimizers import OPTIMIZERS, Optimizer
from ttur.runs.layout import Run

X = "experiments/dcgan-fashion"
W = "experiments/wgan-mnist"


def problem(config):
    """The one line that loading `config` ends with."""
    with pytest.raises(UserError) as caught:
        load(config)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message


def without_prefix(message, path):
    prefix = f"config: {path} "
    assert message.startswith(prefix)
    return message.removeprefix(prefix)


# ----------------------------------------------------------------------------------------- refused


def biggan(**keys):
    return {**networks(), "kind": "biggan", **keys}


# (changes to the minimal configuration, path in the message, the rest of the message)
REFUSED = [
    # unknown and missing keys
    ({"experimnts": {}}, "experimnts", "is not a known key: did you mean experiments?"),
    (
        {"threads": 4},
        "threads",
        "is not a known key: remove it (known: device, compute, inception, datasets, experiments)",
    ),
    (
        {f"{X}/fid/treshold": 15.0, f"{X}/fid/threshold": REMOVED},
        f"{X}/fid/treshold",
        "is not a known key: did you mean threshold?",
    ),
    (
        {f"{X}/networks/latnet": 3},
        f"{X}/networks/latnet",
        "is not a known key of kind dcgan: did you mean latent?",
    ),
    (
        {f"{X}/objective/penalty_weight": 10},
        f"{X}/objective/penalty_weight",
        "is not a known key of kind bce: remove it (known: kind)",
    ),
    (
        {f"{X}/objective": {"kind": "hinge", "margin": 1}},
        f"{X}/objective/margin",
        "is not a known key of kind hinge: remove it (known: kind)",
    ),
    (
        {f"{X}/fid/grid/every": 10},
        f"{X}/fid/grid/every",
        "is not a known key of kind log: remove it (known: kind, first, factor)",
    ),
    (
        {"datasets/mnist/channels": 3},
        "datasets/mnist/channels",
        "is not a known key of kind mnist: remove it (known: kind, image_size)",
    ),
    (
        {f"{X}/limits/steps": REMOVED},
        f"{X}/limits/steps",
        "is missing: add it (Most generator steps of a run)",
    ),
    (
        {f"{X}/objective": {}},
        f"{X}/objective/kind",
        "is missing: add it (The loss, one of bce, wasserstein_gp, hinge)",
    ),
    ({"experiments": REMOVED}, "experiments", "is missing: add it (Experiments by name;"),
    # kinds and choices
    (
        {"datasets/mnist/kind": "emnist"},
        "datasets/mnist/kind",
        "is 'emnist': use one of fashion_mnist, mnist, image_folder",
    ),
    ({f"{X}/networks/kind": "stylegan"}, f"{X}/networks/kind", "is 'stylegan': use one of dcgan, "),
    (
        {f"{X}/fid/first_look": {"samples": 2000, "factor": 1.5}},
        f"{X}/fid/first_look/samples",
        "is 2000: use fewer than fid.samples, 2000, or null instead",
    ),
    (
        {f"{X}/fid/first_look": {"samples": 64, "factor": 1.5}},
        f"{X}/fid/first_look/samples",
        "is 64: use more than 64, the dimension of the classifier features",
    ),
    (
        {f"{X}/fid/first_look": {"samples": 500, "factor": 1}},
        f"{X}/fid/first_look/factor",
        "is 1: use a number above 1 and at most 1000000",
    ),
    ({f"{X}/fid/pixel_map": "auto"}, f"{X}/fid/pixel_map", "is 'auto': use one of fixed, stretch"),
    (
        {"datasets/mnist/image_size": 28},
        "datasets/mnist/image_size",
        "is 28: use one of 8, 16, 32,",
    ),
    # types
    (
        {f"{X}/optimizers/Adam/generator_rate": "2e-3"},
        f"{X}/optimizers/Adam/generator_rate",
        "is text: YAML reads 2e-3 as text, write 2.0e-3",
    ),
    (
        {f"{X}/fid/threshold": "1.5e1"},
        f"{X}/fid/threshold",
        "is text: YAML reads 1.5e1 as text, write 15",
    ),
    (
        {f"{X}/limits/steps": "5"},
        f"{X}/limits/steps",
        "is text, '5' in quotes: write 5 without them",
    ),
    (
        {f"{X}/fid/threshold": "+1.50"},
        f"{X}/fid/threshold",
        "is text, '+1.50' in quotes: write +1.50 without them",
    ),
    (
        {f"{X}/limits/steps": "6e3"},
        f"{X}/limits/steps",
        "is text: YAML reads 6e3 as text, write 6000",
    ),
    ({f"{X}/limits/steps": 6.0e3}, f"{X}/limits/steps", "is 6000.0: write 6000"),
    ({f"{X}/limits/steps": 0.5}, f"{X}/limits/steps", "is 0.5: use a whole number"),
    ({f"{X}/limits/samples": True}, f"{X}/limits/samples", "is true: use a whole number"),
    ({f"{X}/batch_sizes": [2, True]}, f"{X}/batch_sizes[1]", "is true: use a whole number"),
    ({f"{X}/batch_sizes": 2}, f"{X}/batch_sizes", "is 2: use a list"),
    ({f"{X}/latent_reuse": 1}, f"{X}/latent_reuse", "is 1: use true or false"),
    ({f"{X}/section": 4.1}, f"{X}/section", "is 4.1, not text: put it in quotes"),
    ({f"{X}/fid": None}, f"{X}/fid", "is empty: give it a mapping of keys to values"),
    ({f"{X}/optimizers/Adam": 3}, f"{X}/optimizers/Adam", "is 3: use a mapping of keys to values"),
    ({"datasets/mnist/image_size": 16.0}, "datasets/mnist/image_size", "is 16.0: write 16"),
    # ranges
    (
        {f"{X}/optimizers/Adam/generator_rate": math.nan},
        f"{X}/optimizers/Adam/generator_rate",
        "is nan: use a number that is finite",
    ),
    (
        {f"{X}/optimizers/Adam/discriminator_rate": math.inf},
        f"{X}/optimizers/Adam/discriminator_rate",
        "is inf: use a number that is finite",
    ),
    (
        {f"{X}/optimizers/Adam/generator_rate": 0},
        f"{X}/optimizers/Adam/generator_rate",
        "is 0: use a number above 0 and at most 1",
    ),
    (
        {f"{X}/optimizers/Adam/beta2": 1.0},
        f"{X}/optimizers/Adam/beta2",
        "is 1.0: use a number of at least 0 and below 1",
    ),
    (
        {f"{X}/optimizers/Adam/beta1": -0.1},
        f"{X}/optimizers/Adam/beta1",
        "is -0.1: use a number of at least 0 and below 1",
    ),
    (
        {f"{X}/optimizers/RMSProp/alpha": 1.5},
        f"{X}/optimizers/RMSProp/alpha",
        "is 1.5: use a number of at least 0 and below 1",
    ),
    ({f"{X}/optimizers/Adam/eps": 0.0}, f"{X}/optimizers/Adam/eps", "is 0.0: use a number above 0"),
    ({f"{X}/optimizers/Adam/eps": 10**400}, f"{X}/optimizers/Adam/eps", "is 1000"),
    (
        {f"{X}/networks/generator_bn_momentum": 0},
        f"{X}/networks/generator_bn_momentum",
        "is 0: use a number above 0 and at most 1",
    ),
    (
        {f"{X}/micro_batches": 2},
        f"{X}/micro_batches",
        "is 2, with which generated images cannot be kept: set latent_reuse: false",
    ),
    (
        {f"{X}/micro_batches": 3, f"{X}/latent_reuse": False, f"{X}/batch_sizes": [6, 8]},
        f"{X}/micro_batches",
        "is 3, which does not divide batch size 8: use a divisor",
    ),
    (
        {f"{X}/processes": 4, f"{X}/batch_sizes": [2, 4]},
        f"{X}/processes",
        "is 4, which does not divide a part of batch size 2: use a divisor",
    ),
    ({f"{X}/ema": {"decay": 1.0}}, f"{X}/ema/decay", "is 1.0: use a number of at least 0"),
    (
        {"compute": {"precision": "fp16"}},
        "compute/precision",
        "is 'fp16': use one of fp32, tf32, bf16",
    ),
    ({f"{X}/fid/grid/factor": 1.0}, f"{X}/fid/grid/factor", "is 1.0: use a number above 1"),
    ({f"{X}/seeds": [0, -1]}, f"{X}/seeds[1]", "is -1: use a whole number of at least 0 and"),
    ({f"{X}/seeds": [2**31]}, f"{X}/seeds[0]", "is 2147483648: use a whole number of at least 0"),
    ({f"{X}/seeds_per_job": 0}, f"{X}/seeds_per_job", "is 0: use a whole number of at least 1"),
    # lists and mappings without content, or with the same content twice
    ({"experiments": {}}, "experiments", "is empty: list at least one"),
    ({"datasets": {}}, "datasets", "is empty: list at least one"),
    ({f"{X}/optimizers": {}}, f"{X}/optimizers", "is empty: list at least one"),
    ({f"{X}/batch_sizes": []}, f"{X}/batch_sizes", "is empty: list at least one"),
    ({f"{X}/seeds": []}, f"{X}/seeds", "is empty: list at least one"),
    ({f"{X}/batch_sizes": [2, 4, 2]}, f"{X}/batch_sizes", "lists 2 twice: remove one"),
    ({f"{X}/seeds": [7, 7]}, f"{X}/seeds", "lists 7 twice: remove one"),
    # optimizers
    (
        {f"{X}/optimizers/Adma": rates()},
        f"{X}/optimizers/Adma",
        "is not a known optimizer: use one of Adam, AdaBelief, RMSProp, AMSGrad",
    ),
    (
        {f"{X}/optimizers/Adam/alpha": 0.9},
        f"{X}/optimizers/Adam/alpha",
        "is not a known key of Adam: use one of generator_rate, discriminator_rate, batch_sizes, "
        "beta1, beta2, eps",
    ),
    (
        {f"{X}/optimizers/Adam/batch_size": [2]},
        f"{X}/optimizers/Adam/batch_size",
        "is not a known key of Adam: use one of generator_rate,",
    ),
    # text
    ({f"{X}/title": "two\nlines"}, f"{X}/title", r"is 'two\nlines': use one line of text"),
    ({f"{X}/title": "line\n"}, f"{X}/title", r"is 'line\n': use one line of text"),
    ({f"{X}/title": "  "}, f"{X}/title", "is '  ': use one line of text"),
    ({"datasets/fashion-mnist/root": ""}, "datasets/fashion-mnist/root", "is '': use one line"),
    (
        {"datasets/fashion-mnist/root": "a\0b"},
        "datasets/fashion-mnist/root",
        r"is 'a\x00b': use one line of text without control characters",
    ),
    # data sets
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
        {f"{X}/batch_sizes": [2, 10_001]},
        f"{X}/batch_sizes[1]",
        "is 10001, above the 10000 images of fashion-mnist: use at most 10000",
    ),
    (
        {f"{W}/optimizers/Adam/batch_sizes": [5_001]},
        f"{W}/optimizers/Adam/batch_sizes[0]",
        "is 5001, above the 5000 images of mnist: use at most 5000",
    ),
    # BigGAN
    (
        {f"{W}/networks": biggan(latent=64)},
        f"{W}/networks/latent",
        "is 64, not 3 equal pieces as biggan needs at 16 pixels: use 66",
    ),
    (
        {f"{W}/networks": biggan(latent=66, attention=16)},
        f"{W}/networks/attention",
        "is 16: use a side below image_size, 16, or null",
    ),
    (
        {f"{W}/networks": biggan(latent=66, attention=4)},
        f"{W}/networks/attention",
        "is 4: use one of null, 8, 16, 32, 64, 128",
    ),
    (
        {f"{W}/networks": biggan(latent=66, attention=8, discriminator_width=4)},
        f"{W}/networks/discriminator_width",
        "is 4: use at least 8, or attention: null",
    ),
    (
        {f"{W}/networks": biggan(discriminator_norm="none")},
        f"{W}/networks/discriminator_norm",
        "is not a known key of kind biggan: ",
    ),
    # evaluation
    (
        {f"{X}/fid/samples": 64},
        f"{X}/fid/samples",
        "is 64: use more than 64, the dimension of the classifier features",
    ),
    (
        {f"{X}/noise_probe": {"steps": [5, 601]}},
        f"{X}/noise_probe/steps",
        "holds 601, after the last step: use at most limits.steps, 600",
    ),
    (
        {f"{X}/noise_probe": {"steps": [5, 101], "batch_size": 4}, f"{X}/limits/samples": 400},
        f"{X}/noise_probe/steps",
        "holds 101, after the last step: use at most 100, limits.samples by its batch size 4",
    ),
    (
        {f"{X}/limits/samples": 7},
        f"{X}/limits/samples",
        "is 7, less than one step of batch size 8: use at least 8, null for no limit, or smaller "
        "batch_sizes",
    ),
    (
        {f"{X}/limits/samples": 20, f"{X}/optimizers/RMSProp/batch_sizes": [4, 32]},
        f"{X}/limits/samples",
        "is 20, less than one step of batch size 32: use at least 32, null for no limit",
    ),
    ({f"{X}/noise_probe": {"steps": []}}, f"{X}/noise_probe/steps", "is empty: list at least one"),
    ({f"{X}/noise_probe": {"batches": 1}}, f"{X}/noise_probe/batches", "is 1: use a whole number"),
    (
        {f"{X}/noise_probe": {"batch_size": 10_001}},
        f"{X}/noise_probe/batch_size",
        "is 10001, above the 10000 images of fashion-mnist: use at most 10000",
    ),
    (
        {
            f"{X}/noise_probe": {"batch_size": 3},
            f"{X}/micro_batches": 2,
            f"{X}/latent_reuse": False,
        },
        f"{X}/noise_probe/batch_size",
        "is 3, which micro_batches, 2, does not divide: use a multiple of it",
    ),
    ({f"{X}/evaluation": {"samples": 10}}, f"{X}/evaluation/samples", "is 10: use more than 64,"),
    (
        {f"{X}/fid/grid/first": 601},
        f"{X}/fid/grid/first",
        "is 601, after the last step: use at most limits.steps, 600",
    ),
    (
        {f"{X}/fid/grid": {"kind": "linear", "every": 1000}},
        f"{X}/fid/grid/every",
        "is 1000, after the last step: use at most limits.steps, 600",
    ),
    (
        {f"{X}/seeds": list(range(100))},
        f"{X}/seeds_per_job",
        "puts 100 seeds in one job, too many for the name of its folder: use at most 16",
    ),
    # the ratio
    (
        {f"{W}/ratio/experiment": "dcgan"},
        f"{W}/ratio/experiment",
        "is 'dcgan', not an experiment: use one of dcgan-fashion, wgan-mnist",
    ),
    (
        {f"{W}/ratio/optimizer": "AdaBelief"},
        f"{W}/ratio/optimizer",
        "is 'AdaBelief', not an optimizer of dcgan-fashion: use one of Adam, RMSProp",
    ),
    (
        {
            "experiments/third": {
                **minimal()["experiments"]["wgan-mnist"],
                "ratio": {"experiment": "wgan-mnist", "optimizer": "Adam"},
            }
        },
        "experiments/third/ratio/experiment",
        "is wgan-mnist, which takes its own ratio from dcgan-fashion: "
        "use an experiment that takes its ratio from itself",
    ),
    (
        {f"{W}/networks/latent": 32},
        f"{W}/ratio/experiment",
        "is dcgan-fashion, whose generator differs (latent 64, here 32): "
        "use an experiment with the same generator",
    ),
    (
        {f"{W}/networks/generator_width": 8},
        f"{W}/ratio/experiment",
        "is dcgan-fashion, whose generator differs (generator_width 16, here 8)",
    ),
    (
        {f"{W}/networks": biggan(latent=66)},
        f"{W}/ratio/experiment",
        "is dcgan-fashion, whose generator differs (kind dcgan, here biggan)",
    ),
    (
        {"datasets/mnist/image_size": 32},
        f"{W}/ratio/experiment",
        "is dcgan-fashion, whose generator differs (image_size 16, here 32)",
    ),
]


@pytest.mark.parametrize(("changes", "path", "message"), REFUSED)
def test_refused_in_one_line_with_path_and_remedy(changes, path, message):
    rest = without_prefix(problem(changed(minimal(), changes)), path.replace("/", "."))
    assert rest.startswith(message)


TRICKS = ["../x", "a/b", "/etc", ".", "", "a b", "'a'", '"', "$(date)", "a;b", "{x}", "*", "a.b"]
TRICKS += ["a\n", "a\nb", "a\u2028b", "Upper", "-a", "_a", "é", "a" * 65]


@pytest.mark.parametrize("section", ["datasets", "experiments"])
@pytest.mark.parametrize("name", TRICKS)
def test_names_that_are_not_plain_folder_names_are_refused(section, name):
    config = minimal()
    config[section][name] = next(iter(config[section].values()))
    message = problem(config)
    assert message.startswith(f"config: {section}.")
    assert message.endswith(
        "is not a valid name: use at most 64 lower-case letters, digits, - and _, "
        "starting with neither - nor _"
    )


@pytest.mark.parametrize("name", ["a", "0", "a-b_c", "a" * 64])
def test_plain_names_are_accepted(name):
    config = minimal()
    config["datasets"][name] = {"kind": "mnist", "image_size": 8}
    assert name in load(config).datasets


def test_a_key_that_yaml_does_not_read_as_text():
    config = yaml.safe_load("datasets: {on: {kind: mnist, image_size: 16}}\nexperiments: {}")
    assert problem(config) == "config: datasets has the key true: put it in quotes"


@pytest.mark.parametrize("config", [None, [], "text"])
def test_a_file_without_keys(config):
    assert problem(config).startswith("config: the file is ")


def test_unknown_keys_come_first_then_missing_ones():
    config = changed(minimal(), {f"{X}/title": 3, f"{X}/limits/steps": REMOVED, f"{W}/sedes": [1]})
    assert "wgan-mnist.sedes is not a known key: did you mean seeds?" in problem(config)
    del config["experiments"]["wgan-mnist"]["sedes"]
    assert "dcgan-fashion.limits.steps is missing" in problem(config)
    config["experiments"]["dcgan-fashion"]["limits"]["steps"] = 600
    assert "dcgan-fashion.title is 3" in problem(config)


def test_missing_labels_of_fashion_mnist(tmp_path):
    (tmp_path / "t10k-images-idx3-ubyte.gz").touch()
    config = changed(minimal(), {"datasets/fashion-mnist/root": str(tmp_path)})
    assert "where t10k-labels-idx1-ubyte.gz is missing" in problem(config)


# ----------------------------------------------------------------------------------- image folders


STARTS = {
    ".png": b"\x89PNG\r\n\x1a\n",
    ".jpeg": b"\xff\xd8\xff\xe0",
    ".webp": b"RIFF\0\0\0\0WEBP",
}
MANY = [f"{label}/{number}.png" for label in "ab" for number in range(5)]


def with_images(tmp_path, names, **keys):
    for name in names:
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True, parents=True)
        file.write_bytes(STARTS.get(file.suffix.lower(), b""))
    own = {
        **minimal()["experiments"]["dcgan-fashion"],
        "dataset": "faces",
        "ratio": {"experiment": "own", "optimizer": "Adam"},
        "batch_sizes": [2],
    }
    dataset = {**image_folder(tmp_path), **keys}
    return changed(minimal(), {"datasets/faces": dataset, "experiments/own": own})


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


def test_a_folder_that_cannot_be_read(tmp_path, monkeypatch):
    def scandir(path):
        raise PermissionError(errno.EACCES, "Permission denied", path)

    config = with_images(tmp_path, ["a/1.png"])
    monkeypatch.setattr("ttur.config_checks.os.scandir", scandir)
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


# ---------------------------------------------------------------------------------------- accepted


def test_defaults_are_filled_in_and_the_input_is_left_alone():
    given = minimal()
    config = load(given)
    assert given == minimal()
    experiment = config.experiments["dcgan-fashion"]
    assert experiment.discriminator_steps == 1
    assert experiment.latent_reuse is True
    assert experiment.seeds_per_job == 3
    assert experiment.evaluation == {"samples": 5000, "seeds": 2}
    assert experiment.limits == {"steps": 600, "samples": None}
    assert experiment.networks == {
        **networks(),
        "discriminator_norm": "batch",
        "generator_bn_momentum": 0.1,
    }
    assert experiment.fid_key == "classifier-fixed"
    assert experiment.optimizers["Adam"].hyper == OPTIMIZERS["Adam"].defaults
    assert config.experiments["wgan-mnist"].objective["penalty_weight"] == 10.0
    assert config.experiments["wgan-mnist"].networks["discriminator_norm"] == "none"
    assert config.device == "cpu"


def test_data_set_properties(tmp_path):
    config = load(with_images(tmp_path, MANY))
    fashion, mnist, faces = config.datasets.values()
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


def test_an_optimizers_own_hyper_parameters_and_batch_sizes():
    config = load(
        changed(
            minimal(),
            {f"{X}/optimizers/Adam/beta1": 0, f"{X}/optimizers/RMSProp/batch_sizes": [16]},
        )
    )
    optimizers = config.experiments["dcgan-fashion"].optimizers
    assert optimizers["Adam"].hyper == {"beta1": 0.0, "beta2": 0.999, "eps": 1e-8}
    assert optimizers["Adam"].batch_sizes == (2, 4, 8)
    assert optimizers["RMSProp"].batch_sizes == (16,)


@pytest.mark.parametrize(
    ("seeds_per_job", "groups"),
    [
        (1, ["0", "1", "2"]),
        (2, ["0-1", "2"]),
        (3, ["0-1-2"]),
        (9, ["0-1-2"]),
        (None, ["0-1-2"]),
    ],
)
def test_runs_are_one_per_optimizer_batch_size_and_group_of_seeds(seeds_per_job, groups):
    runs = load(changed(minimal(), {f"{X}/seeds_per_job": seeds_per_job})).runs()
    keys = [
        (run.optimizer, run.batch_size, run.seed_key)
        for run in runs
        if run.experiment == "dcgan-fashion"
    ]
    assert keys == [(o, b, g) for o in ("Adam", "RMSProp") for b in (2, 4, 8) for g in groups]
    assert runs[-1] == Run("wgan-mnist", "Adam", 4, (0,))


def test_a_run_knows_its_paths():
    run = Run("dcgan-fashion", "Adam", 8, (0, 1, 2))
    expected = "results/runs/dcgan-fashion/Adam/b8/seeds_0-1-2/history.csv"
    assert run.path("history.csv") == expected


def test_another_batch_size_adds_one_run_per_group_of_seeds():
    before = changed(minimal(), {f"{X}/seeds_per_job": 2, f"{X}/optimizers/RMSProp": REMOVED})
    after = changed(before, {f"{X}/batch_sizes": [2, 4, 8, 16]})
    added = set(load(after).runs()) - set(load(before).runs())
    assert added == {Run("dcgan-fashion", "Adam", 16, seeds) for seeds in ((0, 1), (2,))}
    assert set(load(before).runs()) <= set(load(after).runs())


UNRELATED = {
    f"{X}/title": "Another title",
    f"{X}/section": "5",
    f"{X}/evaluation": {"samples": 100, "seeds": 1},
    f"{X}/optimizers/RMSProp/generator_rate": 0.1,
    f"{X}/optimizers/AdaBelief": rates(),
    f"{X}/batch_sizes": [4, 32],
    f"{X}/ratio/optimizer": "RMSProp",
    f"{W}/limits/steps": 700,
    "datasets/mnist/image_size": 16,
}
RELATED = {
    f"{X}/networks/latent": 32,
    f"{X}/networks/discriminator_width": 8,
    f"{X}/objective": {"kind": "hinge"},
    f"{X}/discriminator_steps": 5,
    f"{X}/latent_reuse": False,
    f"{X}/limits/samples": 10_000,
    f"{X}/fid/threshold": 14.0,
    f"{X}/fid/pixel_map": "stretch",
    f"{X}/optimizers/Adam/generator_rate": 0.1,
    f"{X}/optimizers/Adam/beta1": 0.0,
}
RUN = Run("dcgan-fashion", "Adam", 4, (0, 1, 2))


@pytest.mark.parametrize("path", UNRELATED)
def test_a_job_does_not_depend_on(path):
    edited = load(changed(minimal(), {path: UNRELATED[path]}))
    assert edited.training_settings(RUN) == load(minimal()).training_settings(RUN)


@pytest.mark.parametrize("path", RELATED)
def test_a_job_depends_on(path):
    alone = changed(minimal(), {W: REMOVED})  # so that both have the same generator
    edited = load(changed(alone, {path: RELATED[path]}))
    assert edited.training_settings(RUN) != load(alone).training_settings(RUN)


def test_training_settings():
    assert load(minimal()).training_settings(RUN) == {
        "experiment": "dcgan-fashion",
        "networks": {**networks(), "discriminator_norm": "batch", "generator_bn_momentum": 0.1},
        "objective": {"kind": "bce"},
        "discriminator_steps": 1,
        "latent_reuse": True,
        "labels": "data",
        "micro_batches": 1,
        "processes": 1,
        "ema": None,
        "compute": {
            "precision": "fp32",
            "channels_last": False,
            "compile": False,
            "batch_norm_over": "device",
        },
        "limits": {"steps": 600, "samples": None},
        "fid": {
            "features": "classifier",
            "samples": 2000,
            "threshold": 15.0,
            "pixel_map": "fixed",
            "first_look": None,
            "grid": {"kind": "log", "first": 50, "factor": 1.1},
        },
        "batch_size": 4,
        "seeds": [0, 1, 2],
        "optimizer": "Adam",
        "generator_rate": 0.002,
        "discriminator_rate": 0.002,
        "hyper": {"beta1": 0.5, "beta2": 0.999, "eps": 1e-8},
    }


@pytest.mark.parametrize(
    ("changes", "steps", "batch_size"),
    [
        ({}, [2, 6, 20], 4),
        ({f"{X}/limits/steps": 9000, f"{X}/batch_sizes": [64, 2, 4, 8]}, [30, 100, 300], 4),
        ({f"{X}/limits/steps": 60}, [1, 2], 4),
        ({f"{X}/noise_probe": {"steps": [600, 7], "batch_size": 3}}, [7, 600], 3),
    ],
)
def test_when_and_at_which_batch_size_the_gradient_noise_is_measured(changes, steps, batch_size):
    settings = load(changed(minimal(), changes)).noise_settings("dcgan-fashion")
    assert (settings["steps"], settings["batches"]) == (steps, 20)
    assert [job["optimizer"] for job in settings["jobs"]] == ["Adam", "RMSProp"]
    for job in settings["jobs"]:
        assert (job["batch_size"], job["seeds"]) == (batch_size, [0, 1, 2])
        assert not {"limits", "fid", "processes"} & set(job)


def test_experiment_records():
    first, second = load(minimal()).experiment_records()
    rmsprop = {"hyper": {"alpha": 0.99, "eps": 1e-8}, "batch_sizes": [2, 4, 8]}
    assert first["optimizers"]["RMSProp"] == {**rates(), **rmsprop}
    adam = {"hyper": {"beta1": 0.5, "beta2": 0.999, "eps": 1e-8}, "batch_sizes": [4]}
    assert second == {
        "name": "wgan-mnist",
        "section": "4.2",
        "title": "WGAN-GP on MNIST",
        "features": "classifier",
        "ratio": {"experiment": "dcgan-fashion", "optimizer": "Adam"},
        "optimizers": {"Adam": {**rates(), **adam}},
    }


def test_slices_are_json_and_copies():
    config = load(minimal())
    slices = {
        "training": [config.training_settings(run) for run in config.runs()],
        "datasets": [config.dataset_settings(name) for name in config.datasets],
        "records": config.experiment_records(),
        "noise": [config.noise_settings(name) for name in config.experiments],
    }
    assert json.loads(json.dumps(slices, allow_nan=False)) == slices
    before = copy.deepcopy(config)
    slices["training"][0]["fid"]["grid"]["first"] = 7
    slices["training"][0]["hyper"]["beta1"] = 7
    slices["datasets"][0]["kind"] = 7
    slices["records"][0]["ratio"]["experiment"] = 7
    assert config == before


@pytest.mark.parametrize(
    "changes",
    [
        {f"{X}/batch_sizes": [1]},
        {f"{X}/batch_sizes": [10_000]},
        {f"{X}/networks": biggan(latent=60, attention=8), W: REMOVED},
        {f"{X}/networks": biggan(latent=60, generator_width=4), W: REMOVED},
        {"device": "cuda"},
        {f"{X}/fid/grid": {"kind": "linear", "every": 600}},
        {f"{X}/fid/samples": 65},
        {f"{X}/seeds": [0, 2**31 - 1]},
        {f"{W}/networks/discriminator_width": 64},
        {f"{W}/networks/discriminator_norm": "batch"},
        {f"{W}/section": "4.1"},
        {f"{X}/networks/generator_bn_momentum": 1},
        {f"{X}/limits/samples": None},
    ],
)
def test_accepted(changes):
    assert load(changed(minimal(), changes)).runs()


# ------------------------------------------------------------------------------ registry and schema


@pytest.fixture
def unbounded_optimizer(monkeypatch):
    """An optimizer for which the theory has no bound, as one entry of the registry."""
    entry = Optimizer(defaults={"momentum": 0.9}, scale=None, build=lambda *_: None)
    monkeypatch.setitem(OPTIMIZERS, "SGD", entry)
    config_schema.schema.cache_clear()
    yield "SGD"
    config_schema.schema.cache_clear()


def test_a_new_optimizer_is_one_entry_of_the_registry(unbounded_optimizer):
    config = load(changed(minimal(), {f"{X}/optimizers/SGD": rates()}))
    assert config.experiments["dcgan-fashion"].optimizers["SGD"].hyper == {"momentum": 0.9}
    message = problem(changed(minimal(), {f"{X}/optimizers/SGD": {**rates(), "momentum": "9e-1"}}))
    assert message.endswith("SGD.momentum is text: YAML reads 9e-1 as text, write 9.0e-1")


def test_no_ratio_from_an_optimizer_without_a_bound(unbounded_optimizer):
    message = problem(
        changed(minimal(), {f"{X}/optimizers/SGD": rates(), f"{W}/ratio/optimizer": "SGD"})
    )
    assert message == (
        "config: experiments.wgan-mnist.ratio.optimizer is SGD, for which the theory has no bound: "
        "use one of Adam, RMSProp"
    )


def objects(schema):
    """Every part of a schema that lists properties, conditions of `if` left out."""
    if isinstance(schema, dict):
        if "properties" in schema:
            yield schema
        for key, part in schema.items():
            if key != "if":
                yield from objects(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from objects(part)


def test_the_schema_is_valid_strict_and_described():
    schema = config_schema.schema()
    Draft202012Validator.check_schema(schema)
    Draft202012Validator.check_schema(yaml.safe_load(config_schema.SCHEMA_FILE.read_text()))
    parts = [part for part in objects(schema) if part is not schema["$defs"]["optimizer"]]
    assert len(parts) > 20
    for part in parts:
        by_kind = set(part["properties"]) == {"kind"} and "allOf" in part
        assert by_kind or part["additionalProperties"] is False
        assert all(each["description"] for each in part["properties"].values())


@pytest.mark.parametrize(
    ("image_size", "pieces"), [(8, 2), (16, 3), (32, 4), (64, 5), (128, 6), (256, 7)]
)
def test_the_latent_is_checked_against_the_pieces_that_the_networks_cut_it_into(image_size, pieces):
    alone = changed(minimal(), {"datasets/fashion-mnist/image_size": image_size, W: REMOVED})
    assert load(changed(alone, {f"{X}/networks": biggan(latent=5 * pieces)})).runs()
    message = problem(changed(alone, {f"{X}/networks": biggan(latent=5 * pieces - 1)}))
    assert f"networks.latent is {5 * pieces - 1}, not {pieces} equal pieces" in message
    assert message.endswith(f"use {5 * pieces}")


def test_the_configuration_needs_neither_torch_nor_snakemake():
    code = "import sys, ttur.config; sys.exit(bool({'torch', 'snakemake'} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], check=True, cwd="workflow/scripts")


# ------------------------------------------------------------------------------------- command line


def merged(typed):
    """The minimal configuration with what --config says, as Snakemake hands both on."""
    parsed = parse_config(typed)
    config = minimal()
    update_config(config, parsed)
    return config, parsed


def test_numbers_inside_a_nested_value_of_the_command_line_are_numbers():
    first = {
        "limits": {"steps": 500, "samples": None},
        "batch_sizes": [2, 8],
        "latent_reuse": False,
    }
    first["ema"] = {"decay": 0.9, "start_step": 3}
    first["fid"] = {"threshold": 2.5e1, "first_look": {"samples": 100, "factor": 2}}
    for written in (
        repr(first),
        json.dumps(first),
        "{limits: {steps: 500, samples: null}, batch_sizes: [2, 8], latent_reuse: false, "
        "ema: {decay: 0.9, start_step: 3}, "
        "fid: {threshold: 25.0, first_look: {samples: 100, factor: 2}}}",
    ):
        config, typed = merged(
            [f"experiments={{dcgan-fashion: {written}}}", "compute={channels_last: true}"]
        )
        experiment = load(config, typed).experiments["dcgan-fashion"]
        assert experiment.limits == {"steps": 500, "samples": None}
        assert experiment.batch_sizes == (2, 8)
        assert experiment.latent_reuse is False
        assert experiment.ema == {"decay": 0.9, "start_step": 3}
        assert experiment.fid["threshold"] == 25.0
        assert experiment.fid["first_look"] == {"samples": 100, "factor": 2}
        assert load(config, typed).compute["channels_last"] is True


def test_text_of_the_command_line_stays_text():
    config, typed = merged(["experiments={dcgan-fashion: {section: 4.10, title: '12', ema: ~}}"])
    experiment = load(config, typed).experiments["dcgan-fashion"]
    assert (experiment.section, experiment.title, experiment.ema) == ("4.10", "12", None)
    config, typed = merged(["inception={weights: null}"])
    assert load(config, typed).inception["weights"] is None


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("limits: {steps: five}", "limits.steps is 'five': use a whole number"),
        ("limits: {steps: 0.5}", "limits.steps is 0.5: use a whole number"),
        ("limits: {steps: 0}", "limits.steps is 0: use a whole number of at least 1"),
        ("limits: {steps: }", "limits.steps is empty: give it a whole number"),
        ("limits: 5", "limits is 5: use a mapping of keys to values"),
        ("batch_sizes: [2, x]", "batch_sizes[1] is 'x': use a whole number"),
        ("fid: {threshold: 2e1}", "fid.threshold is text: YAML reads 2e1 as text, write 20"),
        ("limits: {step: 5}", "limits.step is not a known key: did you mean steps?"),
    ],
)
def test_mistakes_in_a_nested_value_of_the_command_line_are_one_line(typed, message):
    config, parsed = merged([f"experiments={{dcgan-fashion: {{{typed}}}}}"])
    with pytest.raises(UserError) as caught:
        load(config, parsed)
    assert str(caught.value).startswith(f"config: experiments.dcgan-fashion.{message}")


def test_what_a_file_holds_is_read_as_the_file_says():
    config, typed = merged(["experiments={dcgan-fashion: {limits: {steps: 500}}}"])
    config["experiments"]["wgan-mnist"]["limits"]["steps"] = "500"
    with pytest.raises(UserError, match=r"wgan-mnist\.limits\.steps is text, '500' in quotes"):
        load(config, typed)
