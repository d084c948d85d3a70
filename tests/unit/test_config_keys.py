"""Configurations that do not fit the schema: keys, types, ranges, names."""

import math

import pytest
import yaml
from config_examples import (
    REMOVED,
    W,
    X,
    assert_refused,
    biggan,
    changed,
    minimal,
    problem,
    rates,
    without_prefix,
)
from critical_batch.configuration import load

# Word for word, one of each sort; the other tests ask for the key and the remedy.
# (changes to the minimal configuration, the whole message)
MESSAGES = [
    (
        {f"{X}/fid/treshold": 15.0, f"{X}/fid/threshold": REMOVED},
        "experiments.dcgan-fashion.fid.treshold is not a known key: did you mean threshold?",
    ),
    (
        {"threads": 4},
        "threads is not a known key: remove it (known: device, compute, inception, datasets, "
        "experiments)",
    ),
    (
        {f"{X}/objective/penalty_weight": 10},
        "experiments.dcgan-fashion.objective.penalty_weight is not a known key of kind bce: "
        "remove it (known: kind)",
    ),
    (
        {f"{X}/optimizers/Adam/alpha": 0.9},
        "experiments.dcgan-fashion.optimizers.Adam.alpha is not a known key of Adam: use one of "
        "generator_rate, discriminator_rate, batch_sizes, beta1, beta2, eps",
    ),
    (
        {f"{X}/objective": {}},
        "experiments.dcgan-fashion.objective.kind is missing: add it (The loss, one of bce, "
        "wasserstein_gp, hinge)",
    ),
    (
        {f"{W}/networks": biggan(latent=66, attention=4)},
        "experiments.wgan-mnist.networks.attention is 4: use one of null, 8, 16, 32, 64, 128",
    ),
    (
        {f"{X}/optimizers/Adam/generator_rate": "2e-3"},
        "experiments.dcgan-fashion.optimizers.Adam.generator_rate is text: YAML reads 2e-3 as "
        "text, write 2.0e-3",
    ),
    (
        {f"{X}/seeds": [0, -1]},
        "experiments.dcgan-fashion.seeds[1] is -1: use a whole number of at least 0 and at most "
        "2147483647",
    ),
    (
        {f"{X}/title": "two\nlines"},
        r"experiments.dcgan-fashion.title is 'two\nlines': use one line of text without control "
        "characters",
    ),
    (
        {f"{X}/batch_sizes": [2, 10_001]},
        "experiments.dcgan-fashion.batch_sizes[1] is 10001, above the 10000 images of "
        "fashion-mnist: use at most 10000",
    ),
    (
        {f"{W}/networks/latent": 32},
        "experiments.wgan-mnist.ratio.experiment is dcgan-fashion, whose generator differs "
        "(latent 64, here 32): use an experiment with the same generator",
    ),
]


@pytest.mark.parametrize(("changes", "message"), MESSAGES, ids=[m.split()[0] for _, m in MESSAGES])
def test_messages_word_for_word(changes, message):
    assert problem(changed(minimal(), changes)) == f"config: {message}"


# (changes, path in the message, words of the rest)
REFUSED = [
    # unknown and missing keys
    ({"experimnts": {}}, "experimnts", "did you mean experiments?"),
    ({f"{X}/networks/latnet": 3}, f"{X}/networks/latnet", "did you mean latent?"),
    ({f"{X}/networks/latnet": 3}, f"{X}/networks/latnet", "of kind dcgan"),
    (
        {f"{X}/objective": {"kind": "hinge", "margin": 1}},
        f"{X}/objective/margin",
        "of kind hinge: remove it (known: kind)",
    ),
    (
        {f"{X}/fid/grid/every": 10},
        f"{X}/fid/grid/every",
        "of kind log: remove it (known: kind, first, factor)",
    ),
    (
        {"datasets/mnist/channels": 3},
        "datasets/mnist/channels",
        "of kind mnist: remove it (known: kind, image_size)",
    ),
    (
        {f"{W}/networks": biggan(discriminator_norm="none")},
        f"{W}/networks/discriminator_norm",
        "of kind biggan: ",
    ),
    ({f"{X}/limits/steps": REMOVED}, f"{X}/limits/steps", "is missing: add it (Most generator"),
    ({"experiments": REMOVED}, "experiments", "is missing: add it (Experiments by name"),
    # kinds and choices
    ({"datasets/mnist/kind": "emnist"}, "datasets/mnist/kind", "use one of fashion_mnist, mnist, "),
    ({f"{X}/networks/kind": "stylegan"}, f"{X}/networks/kind", "use one of dcgan, "),
    ({f"{X}/fid/pixel_map": "auto"}, f"{X}/fid/pixel_map", "use one of fixed, stretch"),
    ({"datasets/mnist/image_size": 28}, "datasets/mnist/image_size", "use one of 8, 16, 32,"),
    ({"compute": {"precision": "fp16"}}, "compute/precision", "use one of fp32, tf32, bf16"),
    # types
    ({f"{X}/fid/threshold": "1.5e1"}, f"{X}/fid/threshold", "YAML reads 1.5e1 as text, write 15"),
    ({f"{X}/limits/steps": "5"}, f"{X}/limits/steps", "in quotes: write 5 without them"),
    ({f"{X}/fid/threshold": "+1.50"}, f"{X}/fid/threshold", "in quotes: write +1.50 without them"),
    ({f"{X}/limits/steps": "6e3"}, f"{X}/limits/steps", "YAML reads 6e3 as text, write 6000"),
    ({f"{X}/limits/steps": 6.0e3}, f"{X}/limits/steps", "is 6000.0: write 6000"),
    ({f"{X}/limits/steps": 0.5}, f"{X}/limits/steps", "is 0.5: use a whole number"),
    ({f"{X}/limits/samples": True}, f"{X}/limits/samples", "is true: use a whole number"),
    ({f"{X}/batch_sizes": [2, True]}, f"{X}/batch_sizes[1]", "is true: use a whole number"),
    ({f"{X}/batch_sizes": 2}, f"{X}/batch_sizes", "use a list"),
    ({f"{X}/latent_reuse": 1}, f"{X}/latent_reuse", "use true or false"),
    ({f"{X}/section": 4.1}, f"{X}/section", "is 4.1, not text: put it in quotes"),
    ({f"{X}/fid": None}, f"{X}/fid", "is empty: give it a mapping of keys to values"),
    ({f"{X}/optimizers/Adam": 3}, f"{X}/optimizers/Adam", "use a mapping of keys to values"),
    ({"datasets/mnist/image_size": 16.0}, "datasets/mnist/image_size", "is 16.0: write 16"),
    # lists and mappings without content, or with the same content twice
    ({"experiments": {}}, "experiments", "is empty: list at least one"),
    ({"datasets": {}}, "datasets", "is empty: list at least one"),
    ({f"{X}/optimizers": {}}, f"{X}/optimizers", "is empty: list at least one"),
    ({f"{X}/batch_sizes": []}, f"{X}/batch_sizes", "is empty: list at least one"),
    ({f"{X}/seeds": []}, f"{X}/seeds", "is empty: list at least one"),
    ({f"{X}/batch_sizes": [2, 4, 2]}, f"{X}/batch_sizes", "lists 2 twice: remove one"),
    ({f"{X}/seeds": [7, 7]}, f"{X}/seeds", "lists 7 twice: remove one"),
    # ranges
    ({f"{X}/seeds": [2**31]}, f"{X}/seeds[0]", "use a whole number of at least 0"),
    ({f"{X}/seeds_per_job": 0}, f"{X}/seeds_per_job", "use a whole number of at least 1"),
    ({f"{X}/batch_sizes": [10**400]}, f"{X}/batch_sizes[0]", "use a whole number of fewer digits"),
    ({f"{X}/ema": {"decay": 1.0}}, f"{X}/ema/decay", "use a number of at least 0 and below 1"),
    (
        {f"{X}/networks/generator_bn_momentum": 0},
        f"{X}/networks/generator_bn_momentum",
        "use a number above 0 and at most 1",
    ),
    # text
    ({f"{X}/title": "line\n"}, f"{X}/title", r"is 'line\n': use one line of text"),
    ({f"{X}/title": "  "}, f"{X}/title", "is '  ': use one line of text"),
    ({f"{X}/title": "\ud800"}, f"{X}/title", "use characters of Unicode"),
    ({"datasets/fashion-mnist/root": ""}, "datasets/fashion-mnist/root", "use one line of text"),
    (
        {"datasets/fashion-mnist/root": "a\0b"},
        "datasets/fashion-mnist/root",
        r"is 'a\x00b': use one line of text without control characters",
    ),
]


@pytest.mark.parametrize(("changes", "path", "remedy"), REFUSED)
def test_refused_with_key_and_remedy(changes, path, remedy):
    assert_refused(changes, path, remedy)


# (key of the optimizer, value, the remedy)
OPTIMIZERS = [
    ("Adam/generator_rate", math.nan, "use a number that is finite"),
    ("Adam/discriminator_rate", math.inf, "use a number that is finite"),
    ("Adam/generator_rate", 0, "use a number above 0 and at most 1"),
    ("Adam/beta2", 1.0, "use a number of at least 0 and below 1"),
    ("Adam/beta1", -0.1, "use a number of at least 0 and below 1"),
    ("RMSProp/alpha", 1.5, "use a number of at least 0 and below 1"),
    ("Adam/eps", 0.0, "use a number above 0"),
    ("Adam/eps", 10**400, "use a number"),
    ("Adma", rates(), "not a known optimizer: use one of Adam, AdaBelief, RMSProp, AMSGrad"),
    ("Adam/batch_size", [2], "use one of generator_rate,"),
]


@pytest.mark.parametrize(("key", "value", "remedy"), OPTIMIZERS)
def test_optimizers_refused_with_key_and_remedy(key, value, remedy):
    path = f"{X}/optimizers/{key}"
    assert_refused({path: value}, path, remedy)


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
    assert without_prefix(problem(config), "datasets") == "has the key true: put it in quotes"


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
