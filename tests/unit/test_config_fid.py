"""The configuration of the FID: samples, grid, first look; Inception, its resize and weights."""

from dataclasses import replace

import pytest
import yaml
from config_examples import X, assert_refused, changed, minimal
from critical_batch.configuration import load, schema
from critical_batch.metrics.features.classifier import Classifier
from critical_batch.metrics.features.inception import Inception
from critical_batch.metrics.features.kinds import FeatureKind
from critical_batch.metrics.features.loading import FEATURE_NETWORKS
from critical_batch.metrics.features.resize import RESIZES
from critical_batch.runtime.errors import UserError

PUBLISHED = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
OWN = "0123456789abcdef" * 4


# (changes to the minimal configuration, path in the message, words of the rest)
REFUSED = [
    (
        {f"{X}/fid/first_look": {"samples": 2000, "factor": 1.5}},
        f"{X}/fid/first_look/samples",
        "is 2000: use fewer than fid.samples, 2000, or null instead",
    ),
    (
        {f"{X}/fid/first_look": {"samples": 64, "factor": 1.5}},
        f"{X}/fid/first_look/samples",
        "use more than 64, the dimension of the classifier features",
    ),
    (
        {f"{X}/fid/first_look": {"samples": 500, "factor": 1}},
        f"{X}/fid/first_look/factor",
        "use a number above 1 and at most 1000000",
    ),
    (
        {f"{X}/fid/samples": 64},
        f"{X}/fid/samples",
        "use more than 64, the dimension of the classifier features",
    ),
    ({f"{X}/evaluation": {"samples": 10}}, f"{X}/evaluation/samples", "use more than 64,"),
    ({f"{X}/fid/grid/factor": 1.0}, f"{X}/fid/grid/factor", "use a number above 1"),
    (
        {f"{X}/fid/grid/first": 601},
        f"{X}/fid/grid/first",
        "after the last step: use at most limits.steps, 600",
    ),
    (
        {f"{X}/fid/grid": {"kind": "linear", "every": 1000}},
        f"{X}/fid/grid/every",
        "after the last step: use at most limits.steps, 600",
    ),
]


@pytest.mark.parametrize(("changes", "path", "remedy"), REFUSED)
def test_refused_with_key_and_remedy(changes, path, remedy):
    assert_refused(changes, path, remedy)


def with_inception(block, **fid):
    config = changed(minimal(), {f"{X}/fid/features": "inception", f"{X}/fid/samples": 3000})
    config["experiments"]["dcgan-fashion"]["fid"] |= fid
    return config if block is None else {**config, "inception": block}


def experiment(config):
    return load(config).experiments["dcgan-fashion"]


@pytest.mark.parametrize(
    ("block", "weights", "metric"),
    [
        ({}, PUBLISHED, "FID"),
        ({"weights": None}, PUBLISHED, "FID"),
        ({"weights": "some/file.pth"}, PUBLISHED, "FID"),
        ({"weights": "some/file.pth", "sha256": OWN.upper()}, OWN, "FID"),
        ({"weights": "random"}, "random", "FID (random weights)"),
    ],
)
def test_weights_and_what_the_distance_is_called(block, weights, metric):
    """The file itself is looked for by the jobs that read it."""
    config = load(with_inception(block))
    own = config.experiments["dcgan-fashion"]
    settings = {"features": "inception", "resize": "pytorch_fid", "weights": weights}
    assert own.fid.network.to_json() == settings
    assert own.metric == metric
    assert config.inception.weights == block.get("weights")
    assert settings.items() <= config.training_job(config.runs()[0]).to_json()["fid"].items()
    assert config.experiments["wgan-mnist"].metric == "classifier-FID"


@pytest.mark.parametrize(
    ("fid", "feature_key", "fid_key"),
    [
        ({}, "inception-pytorch_fid", "inception-pytorch_fid-fixed"),
        (
            {"resize": "clean", "pixel_map": "stretch"},
            "inception-clean",
            "inception-clean-stretch",
        ),
        ({"resize": "tensorflow"}, "inception-tensorflow", "inception-tensorflow-fixed"),
    ],
)
def test_reference_statistics_are_named_by_what_becomes_of_an_image(fid, feature_key, fid_key):
    own = experiment(with_inception({}, **fid))
    assert (own.feature_key, own.reference_keys) == (feature_key, {"fid": fid_key})


def test_the_classifier_has_neither_resize_nor_weights():
    own = experiment({**minimal(), "inception": {}})
    assert own.fid.network.to_json() == {"features": "classifier"}
    assert own.reference_keys == {"fid": "classifier-fixed"}
    assert own.feature_key == "classifier"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            with_inception(None),
            "experiments.dcgan-fashion.fid.features is inception, whose weights are not named: add "
            "the line `inception: {}` at the top level to download the published ones, or",
        ),
        (
            changed(minimal(), {f"{X}/fid/resize": "clean"}),
            "experiments.dcgan-fashion.fid.resize is clean, but the classifier features are not "
            "those of resized images: remove it, or set fid.features to inception",
        ),
        (
            with_inception({}, resize="lanczos"),
            "experiments.dcgan-fashion.fid.resize is 'lanczos': use one of pytorch_fid, clean, "
            "tensorflow",
        ),
        (
            with_inception({"sha256": "6726825d"}),
            "inception.sha256 is '6726825d': use the 64 hexadecimal digits that sha256sum prints",
        ),
        (
            with_inception({"sha256": 6726825}),
            "inception.sha256 is 6726825, not text: put it in quotes",
        ),
        (
            with_inception({"path": "x"}),
            "inception.path is not a known key: remove it (known: weights, sha256)",
        ),
        (
            with_inception({"weights": 3}),
            "inception.weights is 3, not text: put it in quotes",
        ),
        (
            with_inception({"weights": "a\nb"}),
            "inception.weights is 'a\\nb': use one line of text",
        ),
        (
            with_inception({}, samples=2048),
            "experiments.dcgan-fashion.fid.samples is 2048: use more than 2048, the dimension of "
            "the inception features",
        ),
    ],
)
def test_refused_in_one_line_with_path_and_remedy(config, message):
    with pytest.raises(UserError) as caught:
        load(config)
    assert str(caught.value).startswith(f"config: {message}")
    assert len(str(caught.value).splitlines()) == 1


def test_few_samples_are_enough_for_random_weights():
    own = experiment(with_inception({"weights": "random"}, samples=2))
    assert own.fid.samples == 2


def test_inception_needs_no_labels(tmp_path):
    for name in ("1.png", "2.png"):
        (tmp_path / name).write_bytes(b"\x89PNG\r\n\x1a\n")
    config = with_inception({})
    config["datasets"]["faces"] = {
        "kind": "image_folder",
        "root": str(tmp_path),
        "image_size": 16,
        "channels": 1,
    }
    config["experiments"]["dcgan-fashion"] |= {"dataset": "faces", "batch_sizes": [2]}
    assert experiment(config).metric == "FID"


def test_what_entries_say_of_the_feature_networks_is_what_these_are():
    classifier, inception = FEATURE_NETWORKS["classifier"], FEATURE_NETWORKS["inception"]
    assert classifier.dimensions == Classifier.dimensions
    assert (classifier.prefix, classifier.needs_labels) == ("classifier-", True)
    assert classifier.resizes == ()
    assert classifier.weights("mine", None) == "results/features/mine/classifier.safetensors"
    assert inception.dimensions == Inception.dimensions
    assert (inception.prefix, inception.needs_labels) == ("", False)
    assert inception.resizes == RESIZES
    assert inception.weights("mine", "my.pth") == "my.pth"
    assert [kind.named_weights for kind in (classifier, inception)] == [False, True]


def test_a_feature_network_needs_two_images_unless_it_says_more():
    kind = FeatureKind(description="mine", dimensions=3, load=print)
    assert (kind.fewest_images, FEATURE_NETWORKS["classifier"].fewest_images) == (2, 10)


@pytest.fixture
def sharp():
    """A feature network more, whose resizes are its own."""
    FEATURE_NETWORKS["sharp"] = replace(FEATURE_NETWORKS["inception"], resizes=("sharp", "soft"))
    schema.cache_clear()
    yield {f"{X}/fid/features": "sharp", f"{X}/fid/samples": 3000, "inception": {}}
    del FEATURE_NETWORKS["sharp"]
    schema.cache_clear()


def test_a_resize_is_one_of_the_network_s_and_the_first_by_default(sharp):
    assert experiment(changed(minimal(), sharp)).fid.resize == "sharp"
    soft = sharp | {f"{X}/fid/resize": "soft"}
    assert experiment(changed(minimal(), soft)).reference_keys == {"fid": "sharp-soft-fixed"}
    other = sharp | {f"{X}/fid/resize": "clean"}
    assert_refused(other, f"{X}/fid/resize", "is clean: with sharp use one of sharp, soft")
    unknown = sharp | {f"{X}/fid/resize": "x"}
    assert_refused(unknown, f"{X}/fid/resize", "pytorch_fid, clean, tensorflow, sharp, soft")


def test_the_smoke_configuration():
    with open("tests/config.inception.yaml", encoding="utf-8") as file:
        own = load(yaml.safe_load(file)).experiments["dcgan"]
    assert own.metric == "FID (random weights)"
    assert own.reference_keys == {"fid": "inception-clean-stretch"}
