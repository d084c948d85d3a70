"""Trains the classifier whose features the classifier-FID compares."""

import argparse
from collections.abc import Mapping
from typing import Any

import torch
from critical_batch.data.packed import PackedDataset
from critical_batch.metrics.features.classifier import save_classifier, train_classifier
from critical_batch.metrics.features.kinds import FEATURE_NETWORKS
from critical_batch.runtime.errors import UserError, exit_cleanly
from critical_batch.runtime.files import sha256, write_json


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=20, help="at least 1")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output-weights", required=True)
    parser.add_argument("--output-record", required=True)
    arguments = parser.parse_args()
    # The number of threads changes the order of sums and with it the last bits of the weights.
    torch.set_num_threads(arguments.threads)
    dataset = PackedDataset.checked(arguments.data_dir, whole=True)
    check_trainable(dataset.manifest)
    network, accuracy = train_classifier(
        dataset.images,
        dataset.labels,
        dataset.manifest["classes"],
        arguments.seed,
        arguments.epochs,
    )
    save_classifier(network, arguments.output_weights)
    record = {
        "features": network.name,
        "dimensions": network.dimensions,
        "accuracy": accuracy,
        "epochs": arguments.epochs,
        "seed": arguments.seed,
        "dataset": {key: dataset.manifest[key] for key in ("name", "images", "sha256")},
        "weights_sha256": sha256(arguments.output_weights),
    }
    write_json(arguments.output_record, record)
    print(f"{dataset.manifest['name']}: accuracy {accuracy:.3f} on held-out images")


def check_trainable(manifest: Mapping[str, Any]) -> None:
    """UserError, with the remedy for what is missing, below two classes or ten images."""
    name, classes, images = (manifest[key] for key in ("name", "classes", "images"))
    fewest = FEATURE_NETWORKS["classifier"].fewest_images
    if classes == 0:
        raise UserError(
            f"datasets.{name}: a classifier needs labels, and it has none: for an image folder set "
            "labels: folders, or use features: inception"
        )
    if classes == 1:
        raise UserError(
            f"datasets.{name}: a classifier needs two classes, and all images are of "
            f"{manifest['class_names'][0]!r}: add another, or use features: inception"
        )
    if images < fewest:
        skipped = len(manifest["skipped"])
        unread = f" ({skipped} could not be read)" if skipped else ""
        raise UserError(
            f"datasets.{name}: a classifier needs {fewest} images, and there are "
            f"{images}{unread}: add some"
        )


if __name__ == "__main__":
    exit_cleanly(main)
