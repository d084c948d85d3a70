"""Evaluates the final generators of an optimizer's jobs again, with other seeds and samples.

The distances of each job are also kept beside its run.json, in distances.json: an interrupted
evaluation continues there, and a job that comes later costs only its own evaluations.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from critical_batch.metrics.evaluator import Evaluator
from critical_batch.metrics.saved_generators import load_generators
from critical_batch.registries.code_digest import code_digest
from critical_batch.runs.layout import run_folder
from critical_batch.runs.reading import read_run
from critical_batch.runs.record import read_record, write_record
from critical_batch.runtime.errors import UserError, exit_cleanly
from critical_batch.tables.training import EVALUATIONS
from critical_batch.training.evaluation_job import (
    add_evaluation_options,
    open_evaluator,
    recorded_job,
)
from critical_batch.training.job import TrainingJob, entries_of

Rows = list[list[Any]]

KEPT = "distances.json"
"""What was measured of a run, beside its run.json."""


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs-dir", type=Path, required=True, help="of one optimizer")
    parser.add_argument("--batch-sizes", type=int, nargs="+", required=True, metavar="B")
    parser.add_argument(
        "--groups", nargs="+", required=True, metavar="SEEDS", help="as the jobs are called: 0-1-2"
    )
    add_evaluation_options(parser)
    parser.add_argument("--samples", type=int, required=True, help="per evaluation")
    parser.add_argument(
        "--seeds", type=int, required=True, help="number of evaluations per generator"
    )
    parser.add_argument("--output", type=Path, required=True)
    return parser.parse_args()


def main() -> None:
    arguments = parse()
    paths = [
        run_folder(arguments.runs_dir, batch_size, group) / "run.json"
        for batch_size in arguments.batch_sizes
        for group in arguments.groups
    ]
    records = [read_run(path) for path in paths]
    jobs = [recorded_job(record) for record in records]
    evaluator, manifest = open_evaluator(arguments, jobs[0])
    code = code_digest(__file__, entries_of(jobs[0]))
    references = [each.reference.key for each in evaluator.distances.values()]
    made_with = [arguments.samples, arguments.seeds, references, code]
    rows: Rows = []
    for path, record, job in zip(paths, records, jobs, strict=True):
        if _judged_by(job) != _judged_by(jobs[0]):
            raise UserError(f"{path} has other settings than {paths[0]}: delete it and run again")
        key = [*made_with, record.get("files"), record["seeds"]]
        found = kept(path, key)
        if found is None:
            found = evaluated(path, record, manifest, evaluator, arguments.samples, arguments.seeds)
            write_record(path.with_name(KEPT), {"key": key, "distances": found}, [])
        rows += [[job.experiment, job.optimizer, job.batch_size, *each] for each in found]
    EVALUATIONS.write(arguments.output, sorted(rows))


def _judged_by(job: TrainingJob) -> tuple[Any, ...]:
    """What decides how a generator is evaluated."""
    metric = job.stop.metric
    return job.fid, metric, job.metric_settings[metric], job.labels, job.networks


def kept(run_path: Path, key: list[Any]) -> Rows | None:
    """The distances beside a run that were made with the same; None where there are none."""
    try:
        record = read_record(run_path.with_name(KEPT))
    except UserError:  # none yet, or damaged
        return None
    return record["distances"] if record.get("key") == key else None


def evaluated(
    path: Path,
    record: Mapping[str, Any],
    manifest: Mapping[str, Any],
    evaluator: Evaluator,
    samples: int,
    evaluation_seeds: int,
) -> Rows:
    """[seed, evaluation seed, samples, distance as text] of every seed's generator of a run."""
    seeds, generators = record["seeds"], path.with_name("generators.safetensors")
    generator = load_generators(generators, path, record, manifest, seeds, evaluator.device)
    rows = []
    for evaluation_seed in range(evaluation_seeds):
        streams = [(seed, "rescoring", evaluation_seed) for seed in seeds]
        evaluations = evaluator.evaluate(generator, streams, samples)
        for seed, evaluation in zip(seeds, evaluations, strict=True):
            (distance,) = evaluation.values.values()
            # As text, since JSON has no number that is none.
            rows.append([seed, evaluation_seed, evaluation.samples, repr(distance)])
    return rows


if __name__ == "__main__":
    exit_cleanly(main)
