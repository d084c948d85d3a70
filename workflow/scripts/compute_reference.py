"""Computes the feature statistics of all images of a data set."""

import argparse

import torch
from ttur.data.packed import PackedDataset
from ttur.errors import UserError, run
from ttur.features import NETWORKS, FeatureNetwork, load_features
from ttur.files import sha256
from ttur.frechet import Moments, Reference, reference_key
from ttur.pixels import PIXEL_MAPS, map_real

BATCH_BYTES = 1 << 24


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", required=True)
    parser.add_argument("--features", choices=NETWORKS, required=True)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--pixel-map", choices=PIXEL_MAPS, required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    dataset = PackedDataset.open(arguments.data_dir)
    network = load_features(arguments.features, arguments.weights)
    key = reference_key(
        dataset.manifest["sha256"],
        arguments.features,
        sha256(arguments.weights),
        arguments.pixel_map,
    )
    try:
        moments = real_moments(dataset, network, arguments.pixel_map)
        reference = Reference.of(moments, key)
    except ValueError as error:
        raise UserError(
            f"{arguments.weights} does not fit {arguments.data_dir} ({error}): "
            "train the feature network on this data set"
        ) from None
    reference.save(arguments.output)
    print(f"{dataset.manifest['name']}: {moments.count} images, {network.dimensions} features")


def real_moments(dataset: PackedDataset, network: FeatureNetwork, pixel_map: str) -> Moments:
    """Moments of the features of every image of the data set."""
    moments = Moments(network.dimensions)
    step = max(1, BATCH_BYTES // dataset.images[0].size)
    for start in range(0, len(dataset.images), step):
        images = torch.tensor(dataset.images[start : start + step]).permute(0, 3, 1, 2)
        moments.update(network.features(map_real(images, pixel_map)))
    return moments


if __name__ == "__main__":
    run(main)
