"""Scores one final generator several times with the samples of the training loop's size.

Nothing but the sample seed differs between the scores: their spread is the noise of the FID.
"""

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="run.json of the job")
    parser.add_argument("--generators", type=Path, required=True, help="safetensors of the job")
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True, help="of the feature network")
    parser.add_argument("--reference", type=Path, required=True, help="statistics of real images")
    parser.add_argument("--sample-seeds", type=int, required=True, help="number of scores")
    parser.add_argument("--output", type=Path, required=True, help="CSV")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    device = open_device(arguments.device)
    record = read_record(arguments.run)
    settings, seed = record["settings"], record["seeds"][0]
    manifest = PackedDataset.open(arguments.data_dir).manifest
    generator = load_generators(
        arguments.generators, arguments.run, record, manifest, [seed], device
    )
    fid = settings["fid"]
    features = load_features(fid, arguments.weights, device)
    key = statistics_key(manifest, fid, arguments.weights, fid["pixel_map"])
    reference = load_reference(arguments.reference, key)

    job = [record[key] for key in ("experiment", "optimizer", "batch_size")]
    samples = fid["samples"]
    rows = []
    for sample_seed in range(arguments.sample_seeds):
        (distance,) = frechet_distances(
            generator,
            settings["networks"]["latent"],
            manifest["classes"],
            [(seed, "repetition", sample_seed)],
            samples,
            features,
            reference,
            fid["pixel_map"],
            device,
        )
        rows.append([*job, seed, samples, sample_seed, repr(distance)])
    with atomic_path(arguments.output) as temporary, open(temporary, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        columns = ["experiment", "optimizer", "batch_size", "seed", "samples", "sample_seed", "fid"]
        writer.writerow(columns)
        writer.writerows(rows)


if __name__ == "__main__":
    run(main)
