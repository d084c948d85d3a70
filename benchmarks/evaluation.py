"""From generated 64 x 64 images to an FID with Inception, against three packages.

All have the same images in memory, the same random weights and the same threads. pytorch-fid and
clean-fid read files, so writing and reading PNG files is part of their way; ours and torch-fidelity
need none.
"""

import tempfile
import warnings
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from cleanfid import fid as clean_fid
from cleanfid.inception_torchscript import InceptionV3W
from critical_batch.metrics.features.inception import Inception, random_weights
from critical_batch.metrics.frechet import Moments, Reference
from PIL import Image
from pytorch_fid import fid_score, inception
from timing import Row, compare
from torch import Tensor, nn
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

SIDE, BATCH, DIMENSIONS = 64, 50, 2048


def measure(quick: bool) -> list[Row]:
    warnings.simplefilter("ignore")
    count = 50 if quick else 5000
    random = torch.Generator().manual_seed(0)
    coarse = torch.rand(count, 3, 8, 8, generator=random) * 255
    images = nn.functional.interpolate(coarse, size=SIDE, mode="bilinear").to(torch.uint8)
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        state = random_weights(0)
        reference = _reference(random)
        candidates = {
            "ours": _ours(state, reference),
            "pytorch-fid": _pytorch_fid(state, reference, scratch),
            "clean-fid": _clean_fid(state, reference, scratch),
            "torch-fidelity": _torch_fidelity(state, reference, scratch),
        }
        for evaluate in candidates.values():
            evaluate(images[: 2 * BATCH])
        calls = {name: lambda own=own: own(images) for name, own in candidates.items()}
        case = f"{count} images of {SIDE} x {SIDE}, {torch.get_num_threads()} threads"
        return compare("evaluation", case, calls, 1, warm=False)


def _reference(random: torch.Generator) -> Reference:
    moments = Moments(DIMENSIONS)
    moments.update(torch.rand(2 * DIMENSIONS, DIMENSIONS, generator=random))
    return Reference.of(moments, "benchmark")


def _ours(state, reference):
    network = Inception(state, "pytorch_fid")

    def evaluate(images: Tensor) -> float:
        moments = Moments(DIMENSIONS)
        for part in images.split(500):
            moments.update(network.features(part))
        return reference.distance(moments.mean, moments.covariance)

    return evaluate


def _png_files(images: Tensor, folder: Path) -> list[str]:
    paths = []
    for index, image in enumerate(images.permute(0, 2, 3, 1).numpy()):
        paths.append(str(folder / f"{index:05d}.png"))
        Image.fromarray(image).save(paths[-1])
    return paths


def _pytorch_fid(state, reference, folder):
    with mock.patch.object(inception, "load_state_dict_from_url", return_value=state):
        network = inception.InceptionV3().eval()
    expected = reference.mean.numpy(), reference.covariance.numpy()

    def evaluate(images: Tensor) -> float:
        paths = _png_files(images, folder)
        statistics = fid_score.calculate_activation_statistics(
            paths, network, batch_size=BATCH, num_workers=0
        )
        return fid_score.calculate_frechet_distance(*expected, *statistics)

    return evaluate


def _clean_fid(state, reference, folder):
    with mock.patch.object(inception, "load_state_dict_from_url", return_value=state):
        network = inception.fid_inception_v3().eval()
    network.fc = nn.Identity()
    base = nn.Module()
    base.layers = torch.jit.trace(network, torch.zeros(1, 3, 299, 299), check_trace=False)
    torch.jit.script(base).save(folder / "inception-2015-12-05.pt")
    model = InceptionV3W(str(folder), download=False, resize_inside=False)
    options = {"mode": "clean", "num_workers": 0, "batch_size": BATCH, "device": "cpu"}
    expected = reference.mean.numpy(), reference.covariance.numpy()

    def evaluate(images: Tensor) -> float:
        paths = _png_files(images, folder)
        features = clean_fid.get_files_features(paths, model, verbose=False, **options)
        return clean_fid.frechet_distance(
            *expected, features.mean(0), np.cov(features, rowvar=False)
        )

    return evaluate


def _torch_fidelity(state, reference, folder):
    torch.save(state, folder / "inception.pth")
    network = FeatureExtractorInceptionV3(
        "benchmark", ["2048"], feature_extractor_weights_path=str(folder / "inception.pth")
    )
    # It insists on a mean of its own type.
    expected = {"mu": reference.mean.float().numpy(), "sigma": reference.covariance.numpy()}

    @torch.no_grad()
    def evaluate(images: Tensor) -> float:
        features = torch.cat([network(part)[0] for part in images.split(BATCH)])
        statistics = fid_features_to_statistics(features)
        result = fid_statistics_to_metric(expected, statistics, verbose=False)
        return result["frechet_inception_distance"]

    return evaluate
