"""Computes the feature statistics of all images of a data set, as a metric compares them."""

import argparse
import sys

import torch
from critical_batch.data.few_images import singular_reference
from critical_batch.data.packed import PackedDataset
from critical_batch.metrics import METRICS, Statistics
from critical_batch.metrics.features.loading import (
    FEATURE_NETWORKS,
    FeatureNetwork,
    load_features,
    statistics_key,
)
from critical_batch.metrics.features.settings import FeatureSettings
from critical_batch.metrics.pixels import PIXEL_MAPS, map_real
from critical_batch.runtime.cli import json_value
from critical_batch.runtime.devices import open_device
from critical_batch.runtime.errors import UserError, exit_cleanly

# A multiple of the feature networks' own pieces, and small: 2048 features of it are 16 MB.
BATCH_SIZE = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", required=True)
    parser.add_argument("--features", type=json_value, required=True, help="JSON, or @file")
    parser.add_argument("--weights", required=True)
    parser.add_argument("--pixel-map", choices=PIXEL_MAPS, required=True)
    parser.add_argument("--metric", default="fid", help="which compares the features")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--output", required=True)
    arguments = parser.parse_args()
    given = arguments.features
    if not isinstance(given, dict) or given.get("features") not in FEATURE_NETWORKS:
        raise UserError(
            f"--features must be an object with features: {' or '.join(FEATURE_NETWORKS)}"
        )
    if arguments.metric not in METRICS:  # not argparse's choices, which load every entry
        raise UserError(f"--metric is {arguments.metric}: use one of {', '.join(METRICS)}")
    settings = FeatureSettings(given["features"], given.get("resize"), given.get("weights"))
    torch.set_num_threads(arguments.threads)
    device = open_device(arguments.device)
    dataset = PackedDataset.checked(arguments.data_dir, whole=True)
    name, images = dataset.manifest["name"], dataset.manifest["images"]
    if images < 2:
        raise UserError(
            f"datasets.{name}: {images} image is too few for a distance: use two or more"
        )
    network = load_features(settings, arguments.weights, device)
    if few := singular_reference(images, network.dimensions):
        print(f"warning: {name}: {few}", file=sys.stderr)
    key = statistics_key(dataset.manifest, settings, arguments.weights, arguments.pixel_map)
    try:
        statistics = METRICS[arguments.metric].statistics(network.dimensions)
        add_real(statistics, dataset, network, arguments.pixel_map, device)
        reference = METRICS[arguments.metric].reference(statistics, key)
    except ValueError as error:
        raise UserError(
            f"{arguments.weights} does not fit {arguments.data_dir} ({error}): "
            "train the feature network on this data set"
        ) from None
    reference.save(arguments.output)
    print(f"{name}: {reference.count} images, {network.dimensions} features")


def add_real(
    statistics: Statistics,
    dataset: PackedDataset,
    network: FeatureNetwork,
    pixel_map: str,
    device: torch.device,
) -> None:
    """Adds the features of every image of the data set."""
    for start in range(0, len(dataset.images), BATCH_SIZE):
        images = torch.tensor(dataset.images[start : start + BATCH_SIZE]).permute(0, 3, 1, 2)
        statistics.update(network.features(map_real(images.to(device), pixel_map)))


if __name__ == "__main__":
    exit_cleanly(main)
