# Configuration, the table of runs, and the functions that rules take their inputs and
# parameters from. No rules here.

import functools
import json
import re
import sys

from snakemake.exceptions import WorkflowError

from critical_batch.configuration import load
from critical_batch.data.content import content_digest
from critical_batch.metrics.features.kinds import FEATURE_NETWORKS
from critical_batch.registries.code_digest import code_digest
from critical_batch.reporting.caption_numbers import caption_numbers
from critical_batch.training.job import entries_of

try:
    # What follows --config on the command line is in both.
    CONFIG = load(config, workflow.config_settings.config, home=CHECKOUT)
except UserError as error:
    sys.exit(f"error: {error}")

RUNS = CONFIG.runs()
# By all wildcards of a run, and without seeds its first group of seeds.
RUN_OF_WILDCARDS = {
    (run.experiment, run.optimizer, str(run.batch_size), *seeds): run
    for run in reversed(RUNS)
    for seeds in ([run.seed_key], [])
}
RUNS_OF_EXPERIMENT = {
    name: [run for run in RUNS if run.experiment == name] for name in CONFIG.experiments
}


wildcard_constraints:
    dataset="|".join(CONFIG.datasets),
    experiment="|".join(CONFIG.experiments),
    optimizer="|".join({run.optimizer for run in RUNS}),
    batch_size="|".join({str(run.batch_size) for run in RUNS}),
    seeds="|".join({run.seed_key for run in RUNS}),
    features="|".join({each.feature_key for each in CONFIG.experiments.values()}),
    pixel_map="fixed|stretch",
    of_metric=r"(\.[a-z0-9_]+)?",


def program(script):
    """A parameter: the words that start a script.

    That it depends on `output` keeps Snakemake from comparing it: where the workflow and its
    interpreter lie is no reason to run a job again.
    """
    return lambda wildcards, output: [PYTHON, f"{SCRIPTS}/{script}"]


def code_of(script, uses=None, also=()):
    """A parameter: the digest of a script and of the modules that it imports.

    uses: of a registry, the entries that count (see `critical_batch.registries.code_digest`); of
    others all do.
    """
    return code_digest(f"{SCRIPTS}/{script}", uses, also)


def code_of_jobs(script):
    """The same, less the optimizers, networks, feature networks and metrics that the training jobs
    of the experiment, or of its optimizer, do not use. Found once for each: a plan has thousands.
    """
    return lambda wildcards: _code_of_jobs(script, wildcards.experiment, wildcards.get("optimizer"))


@functools.cache
def _code_of_jobs(script, experiment, optimizer):
    runs = {run.optimizer: run for run in RUNS_OF_EXPERIMENT[experiment]}
    jobs = [CONFIG.training_job(runs[name]) for name in runs if optimizer in (None, name)]
    return code_of(script, entries_of(*jobs))


def run_of(wildcards):
    """The training job that a path stands for; where it names no seeds, that of the first ones."""
    names = ("experiment", "optimizer", "batch_size", "seeds")
    key = tuple(wildcards[name] for name in names if name in wildcards.keys())
    if key not in RUN_OF_WILDCARDS:
        raise WorkflowError(f"{'/'.join(key)} is not a run of this configuration")
    return RUN_OF_WILDCARDS[key]


def dataset_of(wildcards):
    return CONFIG.experiments[wildcards.experiment].dataset


def prepared_directory(wildcards):
    """The packed data set of an experiment, or of a rule that has one in its paths."""
    named = "dataset" in wildcards.keys()
    return f"resources/prepared/{wildcards.dataset if named else dataset_of(wildcards)}"


def prepared_data(name):
    """An input function: one file of the packed data set.

    Not by date: what is made of a data set depends on its content, see `content_of`.
    """
    return lambda wildcards: ancient(f"{prepared_directory(wildcards)}/{name}")


def content_of(wildcards):
    """Digest of what the packed data set holds; Snakemake asks again when it was prepared."""
    return content_digest(prepared_directory(wildcards))


def feature_weights(wildcards):
    """The file of the feature network of a run or of reference statistics; "" if it needs none."""
    if "experiment" in wildcards.keys():
        experiment = CONFIG.experiments[wildcards.experiment]
        dataset, features = experiment.dataset, experiment.fid.features
    else:
        dataset, features = wildcards.dataset, feature_settings(wildcards).features
    kind = FEATURE_NETWORKS[features]
    named = CONFIG.inception.weights if kind.named_weights else None
    return kind.weights(dataset, named) if kind.weights else ""


def declared_weights(wildcards):
    """The same, but not a file that the configuration names: its digest, which the settings of
    the jobs hold, stands for it, and where it is missing the job that needs it says so."""
    weights = feature_weights(wildcards)
    named = CONFIG.inception and weights == CONFIG.inception.weights
    return [] if named or not weights else weights


def feature_settings(wildcards):
    """How the feature network of reference statistics is loaded."""
    for experiment in CONFIG.experiments.values():
        if experiment.feature_key == wildcards.features:
            return experiment.fid.network
    raise WorkflowError(f"no experiment of this configuration uses {wildcards.features}")


def metric_of(wildcards):
    """The metric of reference statistics: none stands in the names of those of the FID."""
    return wildcards.of_metric.removeprefix(".") or "fid"


def references(wildcards):
    """The statistics of real images for every metric of an experiment, in the order of its jobs."""
    experiment = CONFIG.experiments[wildcards.experiment]
    folder = f"results/features/{experiment.dataset}"
    return [f"{folder}/{key}.npz" for key in experiment.reference_keys.values()]


def reference_to_stop(wildcards):
    """Those of the metric that ends its runs."""
    return references(wildcards)[0]


def alternatives(texts):
    """A regular expression for any of the texts; for none of them, one that nothing fits."""
    return "|".join(map(re.escape, texts)) or "(?!)"


def training_settings(wildcards):
    return json.dumps(CONFIG.training_job(run_of(wildcards)).to_json(), sort_keys=True)


def outputs_of(name):
    """An input function: one output of all runs of an experiment, or of one of its optimizers."""

    def paths(wildcards):
        runs = RUNS_OF_EXPERIMENT[wildcards.experiment]
        if "optimizer" in wildcards.keys():
            runs = [run for run in runs if run.optimizer == wildcards.optimizer]
        return [run.path(name) for run in runs]

    return paths


def numbers_for_captions(wildcards, output):
    """Numbers of the run for a caption: of one experiment, or of all.

    Read again when the report is made. That it depends on `output` keeps Snakemake from taking
    other numbers for a reason to run the job again.
    """
    experiments = CONFIG.experiments.values()
    if "experiment" in wildcards.keys():
        experiments = [CONFIG.experiments[wildcards.experiment]]
    return caption_numbers(experiments)
