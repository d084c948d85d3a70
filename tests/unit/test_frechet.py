"""Fréchet distance against closed forms, NumPy and pytorch-fid."""

import math
import warnings

import numpy as np
import pytest
import torch
from critical_batch.metrics.frechet import (
    Moments,
    Reference,
    frechet_distance,
    reference_key,
    symmetric_root,
)
from critical_batch.runtime.errors import UserError
from pytorch_fid.fid_score import calculate_frechet_distance


def random_moments(dimensions: int, seed: int, rows: int | None = None):
    """Mean and covariance of correlated normal rows."""
    random = np.random.default_rng(seed)
    mixing = random.normal(size=(dimensions, dimensions))
    data = random.normal(size=(rows or 3 * dimensions, dimensions)) @ mixing + random.normal()
    return torch.from_numpy(data.mean(0)), torch.from_numpy(np.cov(data, rowvar=False))


def pytorch_fid(*moments: torch.Tensor) -> float:
    with warnings.catch_warnings():
        # pytorch-fid 0.3.0 passes an argument that SciPy is about to remove.
        warnings.filterwarnings("ignore", message=".*disp.*", category=DeprecationWarning)
        return calculate_frechet_distance(*(moment.numpy() for moment in moments))


def wrong_distance(mean1, covariance1, mean2, covariance2) -> float:
    """A known mistake: eigvalsh of a product that is not symmetric."""
    values = torch.linalg.eigvalsh(covariance1 @ covariance2)
    trace = covariance1.trace() + covariance2.trace() - 2 * values.clamp(min=0).sqrt().sum()
    return float((mean1 - mean2) @ (mean1 - mean2) + trace)


def test_equal_covariances_leave_the_distance_of_the_means():
    mean, covariance = random_moments(12, seed=0)
    other = mean + torch.arange(12)
    expected = sum(i * i for i in range(12))
    assert frechet_distance(mean, covariance, other, covariance) == pytest.approx(expected)


def test_diagonal_covariances():
    mean = torch.zeros(5, dtype=torch.float64)
    a = torch.tensor([0.0, 1.0, 4.0, 9.0, 2.0], dtype=torch.float64)
    b = torch.tensor([3.0, 0.0, 4.0, 1.0, 5.0], dtype=torch.float64)
    expected = float(((a.sqrt() - b.sqrt()) ** 2).sum())
    distance = frechet_distance(mean, a.diag(), mean, b.diag())
    assert distance == pytest.approx(expected, rel=1e-12)


def test_identical_moments_have_distance_zero():
    mean, covariance = random_moments(64, seed=1)
    assert abs(frechet_distance(mean, covariance, mean, covariance)) < 1e-8 * covariance.trace()


def test_rank_deficient_covariances():
    """Ranks 1 of 8: tr (uu' vv')^(1/2) = |u'v|, by hand."""
    random = torch.Generator().manual_seed(0)
    u, v = torch.randn(2, 8, dtype=torch.float64, generator=random)
    zero = torch.zeros(8, dtype=torch.float64)
    expected = float(u @ u + v @ v - 2 * (u @ v).abs())
    distance = frechet_distance(zero, torch.outer(u, u), zero, torch.outer(v, v))
    assert distance == pytest.approx(expected, abs=1e-6)
    few = random_moments(40, seed=2, rows=10)
    assert abs(frechet_distance(*few, *few)) < 1e-5 * few[1].trace()


def test_distance_is_symmetric():
    one, two = random_moments(16, seed=3), random_moments(16, seed=4)
    assert frechet_distance(*one, *two) == pytest.approx(frechet_distance(*two, *one), rel=1e-9)


@pytest.mark.parametrize("dimensions", [2, 8, 64])
def test_agrees_with_pytorch_fid(dimensions):
    one, two = random_moments(dimensions, seed=5), random_moments(dimensions, seed=6)
    expected = pytorch_fid(*one, *two)
    assert frechet_distance(*one, *two) == pytest.approx(expected, rel=1e-6)
    assert wrong_distance(*one, *two) != pytest.approx(expected, rel=1e-2)


def test_symmetric_root():
    _, covariance = random_moments(20, seed=7)
    root = symmetric_root(covariance)
    torch.testing.assert_close(root, root.T)
    torch.testing.assert_close(root @ root, covariance)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_non_finite_features_give_nan(value):
    features = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
    good, bad = Moments(4), Moments(4)
    good.update(features)
    features[7, 2] = value
    bad.update(features)
    one, two = (good.mean, good.covariance), (bad.mean, bad.covariance)
    assert math.isnan(frechet_distance(*one, *two))
    assert math.isnan(frechet_distance(*two, *one))
    assert math.isnan(Reference.of(good, "key").distance(*two))
    with pytest.raises(ValueError, match="not finite"):
        Reference.of(bad, "key")


@pytest.mark.parametrize("sizes", [[300], [1] * 300, [299, 1], [7, 93, 200]])
def test_streaming_moments_are_those_of_numpy(sizes):
    random = torch.Generator().manual_seed(0)
    features = torch.randn(300, 10, generator=random) * 3 + 20
    moments = Moments(10)
    for part in features.split(sizes):
        moments.update(part)
    assert moments.count == 300
    data = features.double().numpy()
    np.testing.assert_allclose(moments.mean, data.mean(0), rtol=1e-12)
    np.testing.assert_allclose(moments.covariance, np.cov(data, rowvar=False), atol=1e-9)


def test_covariance_needs_two_rows():
    moments = Moments(3)
    moments.update(torch.ones(1, 3))
    with pytest.raises(ValueError, match="two rows"):
        moments.covariance  # noqa: B018
    moments.update(torch.tensor([[1.0, 3.0, -1.0]]))
    # The rows lie 0, 1 and -1 from their mean, on either side of it.
    half = torch.tensor([0.0, 1.0, -1.0], dtype=torch.float64)
    torch.testing.assert_close(moments.covariance, torch.outer(half, half) * 2)


@pytest.fixture
def reference():
    moments = Moments(6)
    moments.update(torch.randn(40, 6, generator=torch.Generator().manual_seed(1)))
    return Reference.of(moments, "some key")


def test_reference_uses_its_cached_root(reference):
    mean, covariance = random_moments(6, seed=8)
    expected = frechet_distance(reference.mean, reference.covariance, mean, covariance)
    assert reference.distance(mean, covariance) == expected


def test_a_collapsed_generator_has_a_distance(reference):
    """All images alike: the covariance is singular, or nothing at all."""
    moments = Moments(6)
    moments.update(torch.full((50, 6), 3.0))
    expected = (reference.mean - 3).square().sum() + reference.covariance.trace()
    distance = reference.distance(moments.mean, moments.covariance)
    assert distance == pytest.approx(float(expected), rel=1e-6)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_has_no_distance_is_nan(reference, value):
    covariance = torch.full((6, 6), value, dtype=torch.float64)
    assert np.isnan(reference.distance(torch.zeros(6, dtype=torch.float64), covariance))


def test_eigenvalues_that_cannot_be_found_are_no_distance(reference, monkeypatch):
    def fails(matrix):
        raise torch.linalg.LinAlgError("failed to converge")

    monkeypatch.setattr(torch.linalg, "eigvalsh", fails)
    mean, covariance = random_moments(6, seed=8)
    assert np.isnan(reference.distance(mean, covariance))


def test_reference_round_trip(reference, tmp_path):
    reference.save(tmp_path / "a.npz")
    reference.save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    loaded = Reference.load(tmp_path / "a.npz")
    for name in ("mean", "covariance", "root"):
        assert torch.equal(getattr(loaded, name), getattr(reference, name))
    assert (loaded.count, loaded.key) == (40, "some key")
    assert type(loaded.count) is int


def test_damaged_reference_is_refused(reference, tmp_path):
    path = tmp_path / "reference.npz"
    with pytest.raises(UserError, match=r"reference\.npz is missing"):
        Reference.load(path)
    reference.save(path)
    whole = path.read_bytes()
    for length in range(0, len(whole), 40):
        path.write_bytes(whole[:length])
        with pytest.raises(UserError, match=r"reference\.npz is damaged"):
            Reference.load(path)
    encrypted = bytearray(whole)
    encrypted[whole.index(b"PK\x01\x02") + 8] |= 1
    for data in (encrypted, whole.replace(b"}", b"(")):
        assert data != whole
        path.write_bytes(data)
        with pytest.raises(UserError, match=r"reference\.npz is damaged"):
            Reference.load(path)
    np.save(tmp_path / "array.npy", np.zeros(3))
    path.write_bytes((tmp_path / "array.npy").read_bytes())
    with pytest.raises(UserError, match=r"reference\.npz is damaged"):
        Reference.load(path)


@pytest.mark.parametrize("wrong", ["mean", "covariance", "root"])
def test_reference_of_wrong_shapes_is_refused(reference, tmp_path, wrong):
    arrays = {name: getattr(reference, name).numpy() for name in ("mean", "covariance", "root")}
    arrays[wrong] = arrays[wrong][:-1]
    np.savez(tmp_path / "reference.npz", count=40, key="k", **arrays)
    with pytest.raises(UserError, match=r"reference\.npz is damaged"):
        Reference.load(tmp_path / "reference.npz")


@pytest.mark.parametrize("value", [math.nan, -math.inf])
@pytest.mark.parametrize("wrong", ["mean", "covariance", "root"])
def test_a_reference_that_is_not_finite_is_refused(reference, tmp_path, wrong, value):
    arrays = {name: getattr(reference, name).numpy().copy() for name in ("mean", "covariance")}
    arrays["root"] = reference.root.numpy().copy()
    arrays[wrong].flat[-1] = value
    np.savez(tmp_path / "reference.npz", count=40, key="k", **arrays)
    with pytest.raises(UserError, match=r"reference\.npz is damaged"):
        Reference.load(tmp_path / "reference.npz")


def test_reference_key_depends_on_every_part():
    parts = ("data", "classifier", "weights", "fixed")
    keys = {reference_key(*parts)}
    for index in range(4):
        keys.add(reference_key(*(part + "x" * (i == index) for i, part in enumerate(parts))))
    assert len(keys) == 5
    assert reference_key("ab", "c", "", "") != reference_key("a", "bc", "", "")
