"""Trains the classifier whose features the classifier-FID compares."""

import argparse

import torch
from ttur.data.packed import PackedDataset
from ttur.errors import UserError, run
from ttur.features.classifier import save_classifier, train_classifier
from ttur.files import sha256, write_json


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
    if dataset.manifest["classes"] < 2 or dataset.manifest["images"] < 10:
        raise UserError(
            f"{arguments.data_dir}: a classifier needs two classes and ten images: for an image "
            "folder set labels: folders"
        )
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
        "metric": network.metric,
        "dimensions": network.dimensions,
        "accuracy": accuracy,
        "epochs": arguments.epochs,
        "seed": arguments.seed,
        "dataset": {key: dataset.manifest[key] for key in ("name", "images", "sha256")},
        "weights_sha256": sha256(arguments.output_weights),
    }
    write_json(arguments.output_record, record)
    print(f"{dataset.manifest['name']}: accuracy {accuracy:.3f} on held-out images")


if __name__ == "__main__":
    run(main)
