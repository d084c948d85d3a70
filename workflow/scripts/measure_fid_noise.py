"""Scores one final generator several times with the samples of the training loop's size.

Nothing but the sample seed differs between the scores: their spread is the noise of the FID.
"""

import argparse
import csv
from pathlib import Path

from ttur.errors import run
from ttur.files import atomic_path
from ttur.records import read_record
from ttur.scoring_job import add_scoring_options, open_scoring, recorded_job
from ttur.stored import load_generators
from ttur.tables.statistics import FID_SCORES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="run.json of the job")
    parser.add_argument("--generators", type=Path, required=True, help="safetensors of the job")
    add_scoring_options(parser)
    parser.add_argument("--sample-seeds", type=int, required=True, help="number of scores")
    parser.add_argument("--output", type=Path, required=True, help="CSV")
    arguments = parser.parse_args()
    record = read_record(arguments.run)
    job, seed = recorded_job(record), record["seeds"][0]
    scoring, manifest = open_scoring(arguments, job)
    generator = load_generators(
        arguments.generators, arguments.run, record, manifest, [seed], scoring.device
    )

    names, samples = (job.experiment, job.optimizer, job.batch_size), job.fid.samples
    rows = []
    for sample_seed in range(arguments.sample_seeds):
        (score,) = scoring.scores(generator, [(seed, "repetition", sample_seed)], samples)
        rows.append([*names, seed, samples, sample_seed, repr(score.distance)])
    with atomic_path(arguments.output) as temporary, open(temporary, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(FID_SCORES.columns)
        writer.writerows(rows)


if __name__ == "__main__":
    run(main)
