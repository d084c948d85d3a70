"""Scores the final generators of an optimizer's training jobs again, with other seeds and samples.

The scores of each job are also kept beside its run.json, in scores.json: an interrupted scoring
continues there, and a job that comes later costs only its own scores.
"""

import argparse
import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ttur.code import code_digest
from ttur.errors import UserError, run
from ttur.files import atomic_path
from ttur.records import read_record, write_record
from ttur.runs.layout import run_folder
from ttur.scoring_job import add_scoring_options, open_scoring, recorded_job
from ttur.stored import load_generators
from ttur.tables.training import SCORES
from ttur.training.job import TrainingJob, entries_of
from ttur.training.scoring import Scoring

Rows = list[list[Any]]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs-dir", type=Path, required=True, help="of one optimizer")
    parser.add_argument("--batch-sizes", type=int, nargs="+", required=True, metavar="B")
    parser.add_argument(
        "--groups", nargs="+", required=True, metavar="SEEDS", help="as the jobs are called: 0-1-2"
    )
    add_scoring_options(parser)
    parser.add_argument("--samples", type=int, required=True, help="per score")
    parser.add_argument("--seeds", type=int, required=True, help="number of scores per generator")
    parser.add_argument("--output", type=Path, required=True)
    return parser.parse_args()


def main() -> None:
    arguments = parse()
    paths = [
        run_folder(arguments.runs_dir, batch_size, group) / "run.json"
        for batch_size in arguments.batch_sizes
        for group in arguments.groups
    ]
    records = [read_record(path) for path in paths]
    jobs = [recorded_job(record) for record in records]
    scoring, manifest = open_scoring(arguments, jobs[0])
    code = code_digest(__file__, entries_of(jobs[0]))
    made_with = [arguments.samples, arguments.seeds, scoring.reference.key, code]
    rows: Rows = []
    for path, record, job in zip(paths, records, jobs, strict=True):
        if _judged_by(job) != _judged_by(jobs[0]):
            raise UserError(f"{path} has other settings than {paths[0]}: delete it and run again")
        key = [*made_with, record.get("files"), record["seeds"]]
        scores = kept_scores(path, key)
        if scores is None:
            scores = scored(path, record, manifest, scoring, arguments.samples, arguments.seeds)
            write_record(path.with_name("scores.json"), {"key": key, "scores": scores}, [])
        rows += [[job.experiment, job.optimizer, job.batch_size, *score] for score in scores]
    with atomic_path(arguments.output) as temporary, open(temporary, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(SCORES.columns)
        writer.writerows(sorted(rows))


def _judged_by(job: TrainingJob) -> tuple[Any, ...]:
    """What decides how a generator is scored."""
    return job.fid, job.labels, job.networks


def kept_scores(run_path: Path, key: list[Any]) -> Rows | None:
    """The scores beside a run that were made with the same; None where there are none."""
    try:
        record = read_record(run_path.with_name("scores.json"))
    except UserError:  # none yet, or damaged
        return None
    return record["scores"] if record.get("key") == key else None


def scored(
    path: Path,
    record: Mapping[str, Any],
    manifest: Mapping[str, Any],
    scoring: Scoring,
    samples: int,
    evaluation_seeds: int,
) -> Rows:
    """[seed, evaluation seed, samples, distance as text] of every seed's generator of a run."""
    seeds, generators = record["seeds"], path.with_name("generators.safetensors")
    generator = load_generators(generators, path, record, manifest, seeds, scoring.device)
    rows = []
    for evaluation_seed in range(evaluation_seeds):
        streams = [(seed, "rescoring", evaluation_seed) for seed in seeds]
        scores = scoring.scores(generator, streams, samples)
        for seed, score in zip(seeds, scores, strict=True):
            rows.append([seed, evaluation_seed, score.samples, repr(score.distance)])
    return rows


if __name__ == "__main__":
    run(main)
