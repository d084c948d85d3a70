"""Scores the final generators of a training job again, with other seeds and more samples."""

import argparse
import csv
from pathlib import Path

import torch
from ttur.data.packed import PackedDataset
from ttur.devices import open_device
from ttur.errors import run
from ttur.features import load_features, load_reference, statistics_key
from ttur.files import atomic_path
from ttur.records import read_record
from ttur.stored import load_generators
from ttur.training.scoring import frechet_distances


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="run.json of the job")
    parser.add_argument("--generators", type=Path, required=True, help="safetensors of the job")
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True, help="of the feature network")
    parser.add_argument("--reference", type=Path, required=True, help="statistics of real images")
    parser.add_argument("--samples", type=int, required=True, help="per score")
    parser.add_argument("--seeds", type=int, required=True, help="number of scores per generator")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    return parser.parse_args()


def main() -> None:
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    device = open_device(arguments.device)
    record = read_record(arguments.run)
    settings, seeds = record["settings"], record["seeds"]
    manifest = PackedDataset.open(arguments.data_dir).manifest
    fid = settings["fid"]
    features = load_features(fid, arguments.weights, device)
    key = statistics_key(manifest, fid, arguments.weights, fid["pixel_map"])
    reference = load_reference(arguments.reference, key)
    generator = load_generators(
        arguments.generators, arguments.run, record, manifest, seeds, device
    )

    rows = []
    for evaluation_seed in range(arguments.seeds):
        distances = frechet_distances(
            generator,
            settings["networks"]["latent"],
            manifest["classes"],
            [(seed, "rescoring", evaluation_seed) for seed in seeds],
            arguments.samples,
            features,
            reference,
            fid["pixel_map"],
            device,
        )
        for seed, distance in zip(seeds, distances, strict=True):
            rows.append([seed, evaluation_seed, arguments.samples, repr(distance)])
    with atomic_path(arguments.output) as temporary, open(temporary, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["seed", "evaluation_seed", "samples", "fid"])
        writer.writerows(sorted(rows))


if __name__ == "__main__":
    run(main)
