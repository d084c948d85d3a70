"""Features and distances against pytorch-fid, clean-fid and torch-fidelity.

All four get the same random Inception weights and the same image files or uint8 images. clean-fid
cannot download its TorchScript network here, so it gets ours, traced; everything else of it, from
reading files to the scaling inside its wrapper, is its own.

Largest errors found, relative to the largest feature and to the distance:
                   features    distance
    pytorch-fid    3e-5        1e-4
    clean-fid      3e-5        6e-5
    torch-fidelity 3e-5        5e-5
They are rounding alone: this deep random network is 1e-5 to 2e-5 from its own features in double
precision, ours and theirs alike.
"""

import json
import subprocess
import sys
import warnings

import compute_reference
import fetch_weights
import numpy as np
import pytest
import torch
from cleanfid import fid as clean_fid
from cleanfid.inception_torchscript import InceptionV3W
from critical_batch.metrics.features.inception import (
    Inception,
    load_inception,
    random_weights,
    save_random_inception,
)
from critical_batch.metrics.features.loading import load_features
from critical_batch.metrics.features.resize import RESIZES
from critical_batch.metrics.features.settings import FeatureSettings
from critical_batch.metrics.frechet import Moments, Reference, frechet_distance
from critical_batch.metrics.pixels import to_uint8
from critical_batch.runtime.errors import UserError
from critical_batch.runtime.files import sha256
from PIL import Image
from pytorch_fid import fid_score, inception
from safetensors.torch import load_file, save_file
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

COUNT, SIDE = 8, 32
FEATURES, DISTANCE = 1e-4, 1e-3  # relative tolerances


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def state():
    return random_weights(0)


@pytest.fixture(scope="module")
def weights(state, tmp_path_factory):
    """A file such as pytorch-fid's release."""
    path = tmp_path_factory.mktemp("weights") / "inception.pth"
    torch.save(state, path)
    return path


def floats(count: int, channels: int, seed: int) -> torch.Tensor:
    """Blurred noise in [-1, 1], such as a generator makes: [count, channels, SIDE, SIDE]."""
    random = torch.Generator().manual_seed(seed)
    coarse = torch.randn(count, channels, 8, 8, generator=random)
    fine = torch.randn(count, channels, SIDE, SIDE, generator=random)
    smooth = torch.nn.functional.interpolate(coarse, size=SIDE, mode="bilinear")
    return torch.tanh(smooth + 0.1 * seed + 0.2 * fine)


@pytest.fixture(scope="module")
def images():
    """Two sets of RGB images, uint8."""
    return [to_uint8(floats(COUNT, 3, seed), "fixed") for seed in (1, 2)]


@pytest.fixture(scope="module")
def files(images, tmp_path_factory):
    """The same as PNG files, a list per set."""
    return [write_png(each, tmp_path_factory.mktemp("images")) for each in images]


def write_png(images, folder):
    paths = [folder / f"{index:02d}.png" for index in range(len(images))]
    for path, image in zip(paths, images, strict=True):
        Image.fromarray(image.permute(1, 2, 0).squeeze(2).numpy()).save(path)
    return [str(path) for path in paths]


@pytest.fixture(scope="module")
def ours(state, images):
    """Convention -> features of the two sets."""
    networks = {resize: Inception(state, resize) for resize in RESIZES}
    return {name: [each.features(part) for part in images] for name, each in networks.items()}


@pytest.fixture(scope="module")
def pytorch_fid_network(state):
    """pytorch-fid's own wrapper, given the weights in place of its download."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inception, "load_state_dict_from_url", lambda *_, **__: state)
        return inception.InceptionV3().eval()


def error(found, expected) -> float:
    """Largest difference relative to the largest value."""
    found, expected = torch.as_tensor(found), torch.as_tensor(expected)
    assert found.shape == expected.shape
    return float((found - expected).abs().max() / expected.abs().max())


def projected(features) -> np.ndarray:
    """Features [n, 2048] in 5 directions, so that 8 images have a covariance of full rank."""
    random = np.random.default_rng(0)
    return np.asarray(features, dtype=np.float64) @ random.normal(size=(2048, 5))


def our_distance(parts) -> float:
    moments = [Moments(5), Moments(5)]
    for moment, part in zip(moments, parts, strict=True):
        moment.update(torch.from_numpy(projected(part)))
    first, second = moments
    return frechet_distance(first.mean, first.covariance, second.mean, second.covariance)


def compare(name, found, expected, their_distance) -> None:
    feature_error = max(error(*pair) for pair in zip(found, expected, strict=True))
    distance_error = abs(our_distance(found) / their_distance - 1)
    print(f"{name}: features {feature_error:.1e}, distance {distance_error:.1e}")
    assert feature_error < FEATURES
    assert distance_error < DISTANCE


def moments_of(features):
    values = projected(features)
    return values.mean(0), np.cov(values, rowvar=False)


@pytest.fixture
def quiet():
    """Both packages pass SciPy an argument that it is about to remove."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*disp.*", category=DeprecationWarning)
        yield


# -------------------------------------------------------------------------------------- agreement


@pytest.fixture(scope="module")
def pytorch_fid_features(files, pytorch_fid_network):
    return [
        fid_score.get_activations(part, pytorch_fid_network, batch_size=COUNT, num_workers=0)
        for part in files
    ]


def test_pytorch_fid(ours, pytorch_fid_features, quiet):
    expected = pytorch_fid_features
    first, second = map(moments_of, expected)
    distance = fid_score.calculate_frechet_distance(*first, *second)
    compare("pytorch-fid", ours["pytorch_fid"], expected, distance)


def test_pytorch_fid_with_grey_images(state, pytorch_fid_network, tmp_path):
    """Its statistics of grey PNG files, which it reads as RGB, are our streamed moments."""
    images = to_uint8(floats(6, 1, 3), "stretch")
    mean, covariance = fid_score.calculate_activation_statistics(
        write_png(images, tmp_path), pytorch_fid_network, batch_size=6, num_workers=0
    )
    features = Inception(state, "pytorch_fid").features(images)
    moments = Moments(2048)
    for part in features.split([1, 3, 2]):
        moments.update(part)
    assert error(moments.mean, mean) < FEATURES
    assert error(moments.covariance, covariance) < 1e-3


def test_clean_fid(state, ours, files, tmp_path, quiet):
    network = Inception(state, "clean").network.to(memory_format=torch.contiguous_format)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # TorchScript is deprecated
        base = torch.nn.Module()
        base.layers = torch.jit.trace(network, torch.zeros(1, 3, 299, 299), check_trace=False)
        torch.jit.script(base).save(tmp_path / "inception-2015-12-05.pt")
        model = InceptionV3W(str(tmp_path), download=False, resize_inside=False)
    options = {"mode": "clean", "num_workers": 0, "device": "cpu", "verbose": False}
    expected = [clean_fid.get_files_features(part, model, **options) for part in files]
    first, second = map(moments_of, expected)
    distance = clean_fid.frechet_distance(*first, *second)
    compare("clean-fid", ours["clean"], expected, distance)


def test_torch_fidelity(weights, ours, images):
    network = FeatureExtractorInceptionV3("ours", ["2048"], feature_extractor_weights_path=weights)
    expected = [network(part)[0] for part in images]
    statistics = [fid_features_to_statistics(torch.from_numpy(projected(p))) for p in expected]
    distance = fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]
    compare("torch-fidelity", ours["tensorflow"], expected, distance)


def test_conventions_are_told_apart(ours):
    """The tolerances above would not pass the features or the distance of another convention."""
    for one in RESIZES:
        for other in RESIZES:
            if one < other:
                assert error(ours[one][0], ours[other][0]) > 10 * FEATURES
                assert abs(our_distance(ours[one]) / our_distance(ours[other]) - 1) > 10 * DISTANCE


# ------------------------------------------------------------------------- wrong variants are seen


def test_truncated_pixels_are_seen(state, pytorch_fid_network):
    """save_image rounds to the nearest level; levels without the half are darker by one half."""
    values = floats(4, 3, 4)
    rounded = ((values + 1) / 2 * 255 + 0.5).clamp(0, 255).to(torch.uint8)
    truncated = ((values + 1) / 2 * 255).clamp(0, 255).to(torch.uint8)
    network = Inception(state, "pytorch_fid")
    with torch.no_grad():
        expected = pytorch_fid_network(rounded / 255)[0].flatten(1)
    assert error(network.features(to_uint8(values, "fixed")), expected) < FEATURES
    assert error(network.features(truncated), expected) > 10 * FEATURES


class Float32Moments(Moments):
    """A known mistake: sums in single precision."""

    def update(self, features):
        self.count += len(features)
        self._sum = self._sum.float() + features.sum(0)
        self._outer = self._outer.float() + features.T @ features


@pytest.mark.parametrize(("moments", "right"), [(Moments, True), (Float32Moments, False)])
def test_single_precision_sums_are_seen(moments, right, quiet):
    """Features far from zero: in single precision the mean drowns the covariance."""
    random = torch.Generator().manual_seed(0)
    mixing = torch.randn(16, 16, generator=random)
    data = [torch.randn(500, 16, generator=random) @ mixing + 1000 + shift for shift in (0, 0.2)]
    theirs, mine = [], []
    for part in data:
        theirs += [part.double().numpy().mean(0), np.cov(part.double().numpy(), rowvar=False)]
        streamed = moments(16)
        for piece in part.split(50):
            streamed.update(piece)
        mine += [streamed.mean.double(), streamed.covariance.double()]
    expected = fid_score.calculate_frechet_distance(*theirs)
    difference = abs(frechet_distance(*mine) / expected - 1)
    assert difference < 1e-9 if right else difference > 10 * DISTANCE


# ---------------------------------------------------------------------------------------- distance


@pytest.mark.slow
def test_distance_in_2048_dimensions_is_pytorch_fids(quiet):
    random = np.random.default_rng(0)
    given = []
    for _ in range(2):
        factor = random.normal(size=(2048, 2048)) / 2048**0.5
        given += [0.1 * random.normal(size=2048), factor @ factor.T + 0.1 * np.eye(2048)]
    expected = fid_score.calculate_frechet_distance(*given)
    assert frechet_distance(*map(torch.from_numpy, given)) == pytest.approx(expected, rel=1e-6)


# ------------------------------------------------------------------------------------- the network


def test_pieces_grey_images_and_shapes(state, monkeypatch):
    network = Inception(state, "clean")
    grey = to_uint8(floats(3, 1, 5), "fixed")
    whole = network.features(grey)
    assert (whole.shape, whole.dtype, whole.requires_grad) == ((3, 2048), torch.float32, False)
    assert network.dimensions == 2048
    monkeypatch.setitem(sys.modules["critical_batch.metrics.features.inception"].PIECES, "cpu", 2)
    assert error(network.features(grey.expand(-1, 3, -1, -1)), whole) < FEATURES


@pytest.mark.parametrize(
    "images",
    [
        torch.zeros(1, 3, 8, 8),
        torch.zeros(1, 2, 8, 8, dtype=torch.uint8),
        torch.zeros(3, 8, 8, dtype=torch.uint8),
    ],
)
def test_only_uint8_images_with_one_or_three_channels(state, images):
    with pytest.raises(ValueError, match=r"not torch\.uint8 \(n, 1 or 3, height, width\)"):
        Inception(state, "clean").features(images)


def test_nothing_is_downloaded(state, monkeypatch):
    def download(*_, **__):
        raise AssertionError("a download")

    monkeypatch.setattr(inception, "load_state_dict_from_url", download)
    Inception(state, "clean")
    assert inception.load_state_dict_from_url is download


def test_convolutions_keep_single_precision_and_the_setting_comes_back(state, monkeypatch):
    network, convolutions = Inception(state, "clean"), torch.backends.cudnn.conv
    seen, before = [], convolutions.fp32_precision

    def piece(images):
        seen.append(convolutions.fp32_precision)
        return images.float().flatten(1)

    monkeypatch.setattr(network, "_piece", piece)
    convolutions.fp32_precision = "tf32"
    try:
        network.features(torch.zeros(1, 1, 8, 8, dtype=torch.uint8))
        after = convolutions.fp32_precision
    finally:
        convolutions.fp32_precision = before
    assert (seen, after) == (["ieee"], "tf32")
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_importing_the_features_does_not_import_torchvision():
    program = (
        "import sys; sys.path.insert(0, 'workflow/scripts'); import train_gan, train_classifier;"
        "print('torchvision' in sys.modules)"
    )
    command = [sys.executable, "-c", program]
    assert subprocess.run(command, capture_output=True, check=True).stdout == b"False\n"


# -------------------------------------------------------------------------------------- the weights


def test_random_weights_are_a_function_of_their_seed(state, tmp_path):
    save_random_inception(0, tmp_path / "a.safetensors")
    save_random_inception(0, tmp_path / "b.safetensors")
    assert sha256(tmp_path / "a.safetensors") == sha256(tmp_path / "b.safetensors")
    network = load_inception(tmp_path / "a.safetensors", "tensorflow", "random")
    assert network.name == "inception"
    loaded = load_file(tmp_path / "a.safetensors")
    assert loaded.keys() == state.keys()
    assert all(torch.equal(loaded[name], state[name]) for name in loaded)
    for name, value in {"weight": 1, "bias": 0, "running_mean": 0, "running_var": 1}.items():
        assert (state[f"Mixed_6b.branch1x1.bn.{name}"] == value).all()
    filters = state["Mixed_6b.branch1x1.conv.weight"]
    assert filters.sum(1).abs().max() < 1e-4
    assert filters.var() * 768 * (torch.pi - 1) / (2 * torch.pi) == pytest.approx(1, rel=0.01)


def test_published_weights_are_checked_by_their_digest(state, weights, tmp_path):
    settings = FeatureSettings("inception", resize="clean", weights=sha256(weights))
    network = load_features(settings, weights)
    assert network.resize == "clean"
    with pytest.raises(UserError, match=r"inception\.pth has the SHA-256 .*, not 0000.*: use the"):
        load_inception(weights, "clean", "0" * 64)
    with pytest.raises(UserError, match=r"none\.pth is missing: put Inception's weights there"):
        load_inception(tmp_path / "none.pth", "clean", "0" * 64)
    # The published file is of PyTorch's older format.
    old = tmp_path / "old.pth"
    torch.save(state, old, _use_new_zipfile_serialization=False)
    assert load_inception(old, "clean", sha256(old)).resize == "clean"


@pytest.mark.parametrize("content", ["text", "tensors", "number", "code", "empty"])
def test_other_files_are_refused_in_one_line(content, tmp_path):
    path = tmp_path / "weights.pth"
    if content == "text":
        path.write_text("weights")
    elif content == "empty":
        path.touch()
    else:
        tensors = {"fc.bias": torch.zeros(3)}
        torch.save({"tensors": tensors, "number": 3, "code": print}[content], path)
    for weights in ("random", sha256(path)):
        with pytest.raises(UserError, match="does not hold Inception's weights") as caught:
            load_inception(path, "clean", weights)
        assert len(str(caught.value).splitlines()) == 1


def test_weights_that_are_not_marked_as_random_are_not_taken_for_them(state, tmp_path):
    save_file(state, tmp_path / "weights.safetensors")
    with pytest.raises(UserError, match="does not hold Inception's weights"):
        load_inception(tmp_path / "weights.safetensors", "clean", "random")


def test_weights_are_fetched_whole_or_not_at_all(tmp_path):
    (tmp_path / "source").write_bytes(b"weights" * 1000)
    url, output = (tmp_path / "source").as_uri(), tmp_path / "new" / "weights.pth"
    digest = sha256(tmp_path / "source")
    with pytest.raises(UserError, match="has the SHA-256") as caught:
        fetch_weights.fetch(url, "0" * 64, str(output))
    assert list(output.parent.iterdir()) == []
    assert len(str(caught.value).splitlines()) == 1
    with pytest.raises(UserError, match=r"cannot download .*: put the file at .*weights\.pth"):
        fetch_weights.fetch(url + "x", digest, str(output))
    fetch_weights.fetch(url, digest, str(output))
    assert sha256(output) == digest
    assert fetch_weights.URL.rpartition("-")[2] == "6726825d.pth"


# ----------------------------------------------------------------------------- the reference script


def test_reference_statistics(weights, tmp_path, monkeypatch):
    from critical_batch.data.packing import write_packed
    from critical_batch.data.reader import array_source

    images = to_uint8(floats(5, 1, 6), "fixed")
    pixels = images.permute(0, 2, 3, 1).numpy()
    source = array_source(pixels, np.full(5, -1), [], pixels.shape[1:])
    write_packed(tmp_path / "data", {"name": "data", "kind": "none"}, source)
    settings = FeatureSettings("inception", resize="clean", weights=sha256(weights))
    arguments = ["--data-dir", tmp_path / "data", "--features", json.dumps(settings.to_json())]
    arguments += ["--weights", weights, "--pixel-map", "fixed", "--output", tmp_path / "r.npz"]
    monkeypatch.setattr(sys, "argv", ["compute_reference", *map(str, arguments)])
    compute_reference.main()
    reference = Reference.load(tmp_path / "r.npz")
    features = load_features(settings, weights).features(images).double()
    assert reference.count == 5
    torch.testing.assert_close(reference.mean, features.mean(0), rtol=1e-5, atol=1e-7)
    assert error(reference.covariance, torch.cov(features.T)) < 1e-4
