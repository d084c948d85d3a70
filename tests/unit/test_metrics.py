"""Metrics: what a metric of the registry does, its name on axes, and reading its references."""

import math
import subprocess
import sys

import pytest
import torch
from critical_batch.metrics import METRICS, Distance, label, load_distances
from critical_batch.metrics.features.settings import FeatureSettings
from critical_batch.metrics.frechet import Moments, frechet_distance
from critical_batch.metrics.kernel import kernel_distance
from critical_batch.metrics.kinds.kid import Kid
from critical_batch.registries.settings import NoSettings
from critical_batch.runtime.errors import UserError

KID = {"subsets": 3, "subset_size": 20}
CLASSIFIER = FeatureSettings("classifier")


def features(count, seed, shift=0.0):
    return torch.randn(count, 4, generator=torch.Generator().manual_seed(seed)) + shift


def statistics_of(metric, rows, *sizes):
    found = METRICS[metric].statistics(rows.shape[1])
    for part in rows.split(sizes or len(rows)):
        found.update(part)
    return found


def reference_of(metric, rows, key="key"):
    return METRICS[metric].reference(statistics_of(metric, rows), key)


def test_the_fid_comes_first_and_has_nothing_to_set():
    assert list(METRICS) == ["fid", "kid"]
    assert METRICS["fid"].settings() == NoSettings()
    assert METRICS["fid"].description == "The Fréchet distance (Heusel et al. 2017)"
    assert METRICS["kid"].settings() == Kid(subsets=100, subset_size=1000)
    assert METRICS["fid"].fewest(NoSettings()) == 2
    assert METRICS["kid"].fewest(Kid(subset_size=7)) == 7


def test_the_fid_is_the_frechet_distance():
    real, generated = features(60, 0), features(50, 1, 0.5)
    distance = Distance.of("fid", {}, reference_of("fid", real))
    moments = [Moments(4), Moments(4)]
    for each, rows in zip(moments, (real, generated), strict=True):
        each.update(rows)
    expected = frechet_distance(*((m.mean, m.covariance)[k] for m in moments for k in (0, 1)))
    assert distance.to(statistics_of("fid", generated)) == pytest.approx(expected, rel=1e-12)


def test_the_kid_is_the_kernel_distance_with_its_settings():
    real, generated = features(60, 0), features(50, 1, 0.5)
    distance = Distance.of("kid", KID, reference_of("kid", real))
    found = distance.to(statistics_of("kid", generated, 30, 20))
    assert found == kernel_distance(generated, real, **KID)
    assert distance.fewest == 20


@pytest.mark.parametrize("metric", ["fid", "kid"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_features_that_are_not_finite_have_no_distance_and_are_no_reference(metric, value):
    rows = features(50, 1)
    settings = KID if metric == "kid" else {}
    distance = Distance.of(metric, settings, reference_of(metric, rows))
    rows[7, 2] = value
    assert math.isnan(distance.to(statistics_of(metric, rows)))
    with pytest.raises(ValueError, match="not finite"):
        reference_of(metric, rows)


@pytest.mark.parametrize(
    ("features", "weights", "fid", "kid"),
    [
        ("classifier", None, "classifier-FID", "classifier-KID"),
        ("inception", "0123", "FID", "KID"),
        ("inception", "random", "FID (random weights)", "KID (random weights)"),
    ],
)
def test_what_a_distance_is_called(features, weights, fid, kid):
    network = FeatureSettings(features, None, weights)
    assert (label("fid", network), label("kid", network)) == (fid, kid)


@pytest.fixture
def paths(tmp_path):
    """References of 60 real images under the key `mine`, in the order KID, FID."""
    found = [tmp_path / "kid.npz", tmp_path / "fid.npz"]
    for metric, path in zip(("kid", "fid"), found, strict=True):
        reference_of(metric, features(60, 0), "mine").save(path)
    return found


def test_the_distances_of_a_job_are_read_in_its_order(paths):
    found = load_distances({"kid": KID, "fid": {}}, paths, "mine", "tiny")
    assert list(found) == ["kid", "fid"]
    assert found["kid"].settings == Kid(**KID)
    assert [each.reference.count for each in found.values()] == [60, 60]
    for distance in found.values():
        assert math.isfinite(distance.to(statistics_of_own(distance, features(30, 1))))


def statistics_of_own(distance, rows):
    found = distance.statistics(rows.shape[1])
    found.update(rows)
    return found


@pytest.mark.parametrize(
    ("settings", "key", "message"),
    [
        ({"kid": KID, "fid": {}}, "yours", "kid.npz belongs to other data, feature weights or"),
        ({"fid": {}, "kid": KID}, "mine", "kid.npz is damaged: delete it and run again"),
        ({"kid": KID}, "mine", "--reference names 2 files: name one for each of ['kid']"),
        (
            {"kid": {"subset_size": 61}, "fid": {}},
            "mine",
            "experiments.tiny.metrics.kid needs 61 real images at once, above the 60 that there "
            "are: use smaller subsets",
        ),
    ],
)
def test_references_that_do_not_fit_are_one_line(paths, settings, key, message):
    with pytest.raises(UserError) as error:
        load_distances(settings, paths, key, "tiny")
    assert message in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_metrics_are_listed_without_torch_and_numpy():
    program = (
        "import sys; from critical_batch.metrics import METRICS; list(METRICS.items());"
        "print({'torch', 'numpy'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", program]
    shown = subprocess.run(
        command, cwd="workflow/scripts", capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip() == "set()"
