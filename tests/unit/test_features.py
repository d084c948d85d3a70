"""Which feature network is loaded, and what reference statistics are of."""

import itertools
from dataclasses import replace

import torch
from critical_batch.metrics.features import loading
from critical_batch.metrics.features.classifier import Classifier, save_classifier
from critical_batch.metrics.features.inception import load_inception
from critical_batch.metrics.features.loading import load_features, statistics_key
from critical_batch.metrics.features.settings import FeatureSettings

INCEPTION = FeatureSettings("inception", resize="area", weights="random")


def test_the_network_of_the_configuration_is_loaded_with_its_settings(tmp_path, monkeypatch):
    path = tmp_path / "classifier.safetensors"
    save_classifier(Classifier(8, 1, 2), path)
    assert isinstance(load_features(FeatureSettings("classifier", "other"), path), Classifier)
    asked = []

    class Network:
        def to(self, device):
            asked.append(device)
            return self

    def load(*arguments):
        asked.append(arguments)
        return Network()

    monkeypatch.setattr(f"{load_inception.__module__}.load_inception", load)
    assert isinstance(load_features(INCEPTION, path, "meta"), Network)
    assert asked == [(path, "area", "random"), "meta"]
    load_features(INCEPTION, path)
    assert torch.device(asked[-1]) == torch.device("cpu")
    assert set(loading.FEATURE_NETWORKS) == {"classifier", "inception"}


def test_statistics_are_of_data_network_weights_and_pixel_map(tmp_path):
    """Each of them makes another key, and nothing else in the manifest does."""
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    keys = [
        statistics_key({"sha256": data}, network, tmp_path / weights, pixel_map)
        for data, network, weights, pixel_map in itertools.product(
            ("1" * 64, "2" * 64),
            (
                FeatureSettings("classifier"),
                INCEPTION,
                replace(INCEPTION, resize="bilinear"),
                replace(INCEPTION, weights="0" * 64),
            ),
            ("a", "b"),
            ("fixed", "stretch"),
        )
    ]
    assert len(set(keys)) == len(keys) == 32
    one, other = {"sha256": "1" * 64, "images": 9}, {"sha256": "1" * 64}
    assert statistics_key(one, INCEPTION, tmp_path / "a", "fixed") == statistics_key(
        other, INCEPTION, tmp_path / "a", "fixed"
    )


def test_a_key_is_the_digest_that_earlier_runs_have_written(tmp_path):
    """Another one would have every user compute the statistics again."""
    (tmp_path / "w").write_bytes(b"weights")
    key = statistics_key({"sha256": "d" * 64}, INCEPTION, tmp_path / "w", "fixed")
    assert key == "6ee42e7f07b5e78c073aba71c0755c4068f76ae09272c997949e4c1aa1b4b809"
