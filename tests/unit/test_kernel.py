"""The kernel distance against closed forms and torch-fidelity, and the features that it keeps."""

import math

import numpy as np
import pytest
import torch
from critical_batch.metrics import kernel
from critical_batch.metrics.kernel import Features, RealFeatures, kernel_distance, squared_mmd
from critical_batch.runtime.errors import UserError
from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, kid_features_to_metric


def normal(count, dimensions, seed, dtype=torch.float64):
    random = torch.Generator().manual_seed(seed)
    return torch.randn(count, dimensions, generator=random, dtype=dtype)


def torch_fidelity(generated, real, subsets, subset_size):
    options = {"kid_subsets": subsets, "kid_subset_size": subset_size, "verbose": False}
    return kid_features_to_metric(generated, real, **options)[KEY_METRIC_KID_MEAN]


def test_two_points_each_by_hand():
    """d = 2: k(x, y) = (x . y / 2 + 1)^3; one set is (0, 0), (2, 0), the other (0, 2), (2, 2)."""
    one = torch.tensor([[0.0, 0.0], [2.0, 0.0]])
    other = torch.tensor([[0.0, 2.0], [2.0, 2.0]])
    # Within: k = 1 and k((0, 2), (2, 2)) = 27. Between: 1, 1, 1 and 27 = mean 7.5.
    assert squared_mmd(one, other) == pytest.approx(1 + 27 - 2 * 7.5)
    assert squared_mmd(other, one) == squared_mmd(one, other)


def test_one_feature_has_the_closed_form_of_its_moments():
    """d = 1: the mean of k over pairs is that of 1 + 3xy + 3x^2y^2 + x^3y^3, a sum of products."""
    x, y = normal(9, 1, 0)[:, 0].numpy(), normal(9, 1, 1)[:, 0].numpy() + 0.3

    def within(z):
        sums = sum(c * (np.sum(z**p) ** 2 - np.sum(z ** (2 * p))) for p, c in weights)
        return sums / (9 * 8)

    weights = [(0, 1), (1, 3), (2, 3), (3, 1)]
    between = sum(c * np.mean(x**p) * np.mean(y**p) for p, c in weights)
    found = squared_mmd(torch.from_numpy(x)[:, None], torch.from_numpy(y)[:, None])
    assert found == pytest.approx(within(x) + within(y) - 2 * between, rel=1e-12)


def test_it_is_unbiased():
    """Over many pairs of sets of one distribution the mean is zero; a biased estimator is above."""
    found = [squared_mmd(normal(6, 3, 2 * k), normal(6, 3, 2 * k + 1)) for k in range(2000)]
    error = np.std(found) / math.sqrt(len(found))
    assert abs(np.mean(found)) < 3 * error
    assert min(found) < 0 < max(found)


@pytest.mark.parametrize("sizes", [(70, 90), (90, 70), (50, 50)])
def test_equals_torch_fidelity(sizes):
    """Other subsets, of an exchanged order or another seed, give another number."""
    generated, real = normal(sizes[0], 16, 0), 1.2 * normal(sizes[1], 16, 1) + 0.1
    expected = torch_fidelity(generated, real, 7, 40)
    options = {"subsets": 7, "subset_size": 40}
    assert kernel_distance(generated, real, **options) == pytest.approx(expected, rel=1e-12)
    for other in (
        kernel_distance(real, generated, **options),
        kernel_distance(generated, real, **options, seed=0),
    ):
        assert abs(other / expected - 1) > 1e-4


def test_equals_torch_fidelity_on_features_in_single_precision():
    """There the kernels are of single precision too, here they are not."""
    generated = normal(120, 64, 0, torch.float32)
    real = normal(150, 64, 1, torch.float32) + 0.2
    expected = torch_fidelity(generated, real, 10, 100)
    found = kernel_distance(generated, real, subsets=10, subset_size=100)
    assert found == pytest.approx(expected, rel=2e-5)
    assert squared_mmd(generated, real[:120]) == squared_mmd(
        generated.double(), real[:120].double()
    )


@pytest.mark.parametrize(("generated", "real"), [(19, 40), (40, 19)])
def test_a_subset_larger_than_a_set_is_refused(generated, real):
    with pytest.raises(ValueError, match=f"no 20 rows among {generated} and {real}"):
        kernel_distance(normal(generated, 3, 0), normal(real, 3, 1), subsets=1, subset_size=20)


def streamed(rows, *sizes):
    features = Features(rows.shape[1])
    for part in rows.split(sizes):
        features.update(part)
    return features


def test_features_are_kept_in_their_order():
    rows = normal(30, 4, 0, torch.float32)
    features = streamed(rows, 7, 1, 22)
    assert features.count == 30
    assert torch.equal(features.rows, rows)
    assert Features(4).rows.shape == (0, 4)


def test_of_many_real_images_some_are_kept_evenly(monkeypatch):
    monkeypatch.setattr(kernel, "MOST_REAL", 4)
    rows = torch.arange(10.0)[:, None]
    kept = RealFeatures.of(streamed(rows, 6, 4), "key")
    assert kept.rows[:, 0].tolist() == [0, 2, 5, 7]
    assert (kept.count, kept.key, kept.rows.dtype) == (10, "key", torch.float32)
    few = RealFeatures.of(streamed(rows[:3], 3), "key")
    assert few.rows[:, 0].tolist() == [0, 1, 2]


@pytest.fixture
def reference():
    return RealFeatures.of(streamed(normal(40, 6, 1, torch.float32), 40), "some key")


def test_what_is_saved_is_read(reference, tmp_path):
    reference.save(tmp_path / "a.npz")
    reference.save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    loaded = RealFeatures.load(tmp_path / "a.npz")
    assert torch.equal(loaded.rows, reference.rows)
    assert (loaded.count, loaded.key) == (40, "some key")


def test_what_is_damaged_or_missing_is_one_line(reference, tmp_path):
    path = tmp_path / "reference.npz"
    with pytest.raises(UserError, match=r"reference\.npz is missing: run the rule"):
        RealFeatures.load(path)
    reference.save(path)
    whole = path.read_bytes()
    for length in range(0, len(whole), 100):
        path.write_bytes(whole[:length])
        with pytest.raises(UserError, match=r"reference\.npz is damaged"):
            RealFeatures.load(path)


@pytest.mark.parametrize(
    "features",
    [
        np.zeros(6, np.float32),
        np.zeros((3, 6), np.float64),
        np.zeros((41, 6), np.float32),
        np.full((3, 6), np.nan, np.float32),
        np.array([["a"]]),
        np.array([[{}]], dtype=object),
    ],
    ids=["flat", "double", "more than there are", "not finite", "text", "pickled"],
)
def test_features_that_cannot_be_are_refused(tmp_path, features):
    np.savez(tmp_path / "reference.npz", features=features, count=40, key="k")
    with pytest.raises(UserError, match=r"reference\.npz is damaged"):
        RealFeatures.load(tmp_path / "reference.npz")
