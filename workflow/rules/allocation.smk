# What jobs ask a cluster for. On one machine nothing here limits anything: Snakemake counts a
# resource only where it is given a stock, and no profile gives one of runtime or mem_mb.

import functools

from critical_batch.runs.layout import Run
from critical_batch.training.cluster_requests import megabytes, minutes, training_seconds

# The default profile's stock of one GPU is that of one machine. Snakemake would also cut what a job
# asks a cluster for to it. (`nodes` is the number of jobs on a cluster, and unset on one machine.)
if workflow.resource_settings.nodes is not None:
    workflow.register_resource("gpu", max(each.processes for each in CONFIG.experiments.values()))


def recorded_rate(run):
    """Steps a second that `probe` measured for this job; None where it was not probed."""
    record = Path(run.throughput_file)
    return json.loads(record.read_text())["steps_per_second"] if record.exists() else None


def training_gpus(wildcards):
    if CONFIG.device != "cuda":
        return 0
    return CONFIG.experiments[wildcards.experiment].processes


def one_gpu(wildcards):
    return 1 if CONFIG.device == "cuda" else 0


def training_runtime(wildcards, attempt):
    run = run_of(wildcards)
    key = (run.experiment, run.optimizer, run.batch_size, len(run.seeds))
    return minutes(_training_seconds(*key), attempt)


@functools.cache
def _training_seconds(experiment, optimizer, batch_size, seeds):
    """Of any run of so many seeds: they take equally long, and a plan has thousands."""
    run = Run(experiment, optimizer, batch_size, tuple(range(seeds)))
    size = CONFIG.datasets[CONFIG.experiments[experiment].dataset].image_size
    return training_seconds(CONFIG.training_job(run), size, recorded_rate(run))


def training_memory(wildcards, attempt):
    run = run_of(wildcards)
    dataset = CONFIG.datasets[dataset_of(wildcards)]
    numbers = run.batch_size * len(run.seeds) * dataset.image_size**2 * dataset.channels
    return megabytes(CONFIG.device, numbers, attempt)


def short_runtime(wildcards, attempt):
    """For a pass over a data set, or a few tens of thousands of samples of every seed."""
    return 120 * attempt


def base_memory(wildcards, attempt):
    return megabytes(CONFIG.device, 0, attempt)


def classifier_memory(wildcards, attempt):
    return megabytes("cpu", 0, attempt)
