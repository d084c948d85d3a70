"""What scripts that evaluate finished generators share: options, and opening what these name."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ..data.labels import SampleLabels
from ..data.packed import PackedDataset
from ..metrics import load_distances
from ..metrics.evaluator import Evaluator
from ..metrics.features.loading import load_features, statistics_key
from ..runtime.devices import open_device
from ..runtime.malloc import keep_freed_memory
from .fit import check_fit
from .job import TrainingJob


def add_evaluation_options(parser: argparse.ArgumentParser) -> None:
    """Data, feature network and reference of the evaluations, and where to run."""
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True, help="of the feature network")
    parser.add_argument(
        "--reference",
        type=Path,
        required=True,
        help="statistics of real images for the metric that stops the training",
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")


def recorded_job(record: Mapping[str, Any]) -> TrainingJob:
    """The training job of a run.json."""
    # Runs from before there was a choice drew their labels uniformly.
    return TrainingJob.from_json({"labels": "uniform"} | record["settings"])


def open_evaluator(
    arguments: argparse.Namespace, job: TrainingJob
) -> tuple[Evaluator, dict[str, Any]]:
    """What evaluates generators as in their training, and the manifest of their data set.

    By the metric that stopped the training alone. arguments: of `add_evaluation_options`. Raises
    UserError where a file is missing, damaged or belongs to another one.
    """
    keep_freed_memory()
    torch.set_num_threads(arguments.threads)
    device, fid = open_device(arguments.device), job.fid
    dataset = PackedDataset.open(arguments.data_dir)
    manifest = dataset.manifest
    check_fit(job, manifest, "batch_sizes")
    key = statistics_key(manifest, fid.network, arguments.weights, fid.pixel_map)
    stop = {job.stop.metric: job.metric_settings[job.stop.metric]}
    evaluator = Evaluator(
        load_features(fid.network, arguments.weights, device),
        load_distances(stop, [arguments.reference], key, job.experiment),
        fid.pixel_map,
        job.latent,
        SampleLabels.of(job.labels, dataset.labels, manifest["classes"]),
        device,
    )
    return evaluator, manifest
