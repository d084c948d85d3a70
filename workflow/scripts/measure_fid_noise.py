"""Evaluates one final generator several times with as many samples as in the training loop.

Nothing but the sample seed differs between the evaluations: their spread is the noise of the
distance that stops the training, usually the FID.
"""

import argparse
from pathlib import Path

from critical_batch.metrics.saved_generators import load_generators
from critical_batch.runs.reading import read_run
from critical_batch.runtime.errors import exit_cleanly
from critical_batch.tables.statistics import REPETITIONS
from critical_batch.training.evaluation_job import (
    add_evaluation_options,
    open_evaluator,
    recorded_job,
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="run.json of the job")
    parser.add_argument("--generators", type=Path, required=True, help="safetensors of the job")
    add_evaluation_options(parser)
    parser.add_argument("--sample-seeds", type=int, required=True, help="number of evaluations")
    parser.add_argument("--output", type=Path, required=True, help="CSV")
    arguments = parser.parse_args()
    record = read_run(arguments.run)
    job, seed = recorded_job(record), record["seeds"][0]
    evaluator, manifest = open_evaluator(arguments, job)
    generator = load_generators(
        arguments.generators, arguments.run, record, manifest, [seed], evaluator.device
    )

    names, samples = (job.experiment, job.optimizer, job.batch_size), job.fid.samples
    rows = []
    for sample_seed in range(arguments.sample_seeds):
        stream = (seed, "repetition", sample_seed)
        (evaluation,) = evaluator.evaluate(generator, [stream], samples)
        distance = evaluation.values[job.stop.metric]
        rows.append([*names, seed, samples, sample_seed, distance])
    REPETITIONS.write(arguments.output, rows)


if __name__ == "__main__":
    exit_cleanly(main)
