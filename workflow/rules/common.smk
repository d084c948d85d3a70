# Configuration, the table of runs, and the functions that rules take their inputs and
# parameters from. No rules here.

import json
import os
import re
import sys

from snakemake.exceptions import WorkflowError

from ttur import config as ttur_config
from ttur.code import code_digest
from ttur.config_checks import KINDS, only_prepared
from ttur.data.content import content_digest
from ttur.data.raw import raw_digest
from ttur.data.sources import PUBLISHED
from ttur.report.facts import facts
from ttur.report.theory import TITLES
from ttur.runs.layout import (
    EVALUATION,
    RUN_DIR,
    THROUGHPUT,
    TRAINING_BENCHMARK,
    TRAINING_LOG,
)
from ttur.training.grid import step_limit

try:
    # What follows --config on the command line is in both.
    CONFIG = ttur_config.load(config, workflow.config_settings.config, home=CHECKOUT)
except UserError as error:
    sys.exit(f"error: {error}")

RUNS = CONFIG.runs()
# No rule makes what was prepared of raw files that are gone, so nothing removes it either.
PREPARABLE = [name for name, dataset in CONFIG.datasets.items() if not only_prepared(dataset)]
RUN_OF_WILDCARDS = {
    (run.experiment, run.optimizer, str(run.batch_size), run.seed_key): run for run in RUNS
}
RUNS_OF_EXPERIMENT = {
    name: [run for run in RUNS if run.experiment == name] for name in CONFIG.experiments
}
PUBLISHED_INCEPTION = "resources/weights/pt_inception-2015-12-05-6726825d.pth"
RANDOM_INCEPTION = "results/features/inception-random.safetensors"
# One run per experiment, optimizer and batch size: probing needs no second group of seeds.
FIRST_RUNS = list(
    {(run.experiment, run.optimizer, run.batch_size): run for run in reversed(RUNS)}.values()
)
EVALUATIONS = list(dict.fromkeys(run.evaluation_file for run in RUNS))
CLASSES_FOR_PROBES = {"imagenet": 1000}
FIGURE_STEMS = [
    *(
        f"results/figures/{experiment}/{figure}"
        for experiment in CONFIG.experiments
        for figure in (
            *("steps", "sfo", "cost", "thresholds", "fid_noise"),
            *("fid", "fid_samples", "samples", "generators"),
        )
    ),
    "results/figures/critical",
    "results/figures/noise_scale",
]
FIGURES = [f"{stem}.{suffix}" for stem in FIGURE_STEMS for suffix in ("pdf", "png", "csv")]

FIGURE_LABELS = {
    "steps": "Steps against batch size",
    "sfo": "SFO against batch size",
    "fid": "FID against steps",
    "fid_samples": "FID against images seen",
    "samples": "Images over batch sizes",
    "generators": "Images of all optimizers",
    "cost": "Gradient evaluations and seconds",
    "thresholds": "Critical size against threshold",
    "fid_noise": "Noise of the FID",
    "critical": "Critical sizes: measured and estimated",
    "noise_scale": "Gradient noise scale",
    "learning_rates": "Critical size against learning rate",
}
# Name in the report (`ttur.report.theory.TITLES`) -> the table behind it.
THEORY_TABLES = {
    "estimates": "results/theory/estimates.csv",
    "fit": "results/theory/fit.csv",
    "censored_fit": "results/theory/censored_fit.csv",
    "noise_scale": "results/theory/noise_scale.csv",
    "comparison": "results/theory/comparison.csv",
    "bootstrap": "results/statistics/bootstrap.csv",
    "critical_intervals": "results/statistics/critical.csv",
    "threshold": "results/statistics/threshold.csv",
    "fid_noise": "results/statistics/fid_noise.csv",
}
REPORT_PAGES = [
    "results/tables/table3.html",
    "results/report/runs.html",
    "results/report/data.html",
    "results/report/versions.html",
    *(f"results/report/theory/{table}.html" for table in THEORY_TABLES),
]


wildcard_constraints:
    dataset="|".join(CONFIG.datasets),
    experiment="|".join(CONFIG.experiments),
    optimizer="|".join({run.optimizer for run in RUNS}),
    batch_size="|".join({str(run.batch_size) for run in RUNS}),
    seeds="|".join({run.seed_key for run in RUNS}),
    features="|".join({each.feature_key for each in CONFIG.experiments.values()}),
    pixel_map="fixed|stretch",


def program(script):
    """A parameter: the words that start a script.

    That it depends on `output` keeps Snakemake from comparing it: where the workflow and its
    interpreter lie is no reason to run a job again.
    """
    return lambda wildcards, output: [PYTHON, f"{SCRIPTS}/{script}"]


def code_of(script, without=()):
    """A parameter: the digest of a script and of the modules that it imports."""
    return code_digest(f"{SCRIPTS}/{script}", without)


def run_of(wildcards):
    """The training job that a path stands for."""
    key = (wildcards.experiment, wildcards.optimizer, wildcards.batch_size, wildcards.seeds)
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
    """The file of the feature network of a run or of reference statistics."""
    if "experiment" in wildcards.keys():
        experiment = CONFIG.experiments[wildcards.experiment]
        dataset, features = experiment.dataset, experiment.fid["features"]
    else:
        dataset, features = wildcards.dataset, feature_settings(wildcards)["features"]
    if features == "classifier":
        return f"results/features/{dataset}/classifier.safetensors"
    weights = CONFIG.inception["weights"]
    return {None: PUBLISHED_INCEPTION, "random": RANDOM_INCEPTION}.get(weights, weights)


def declared_weights(wildcards):
    """The same, but not a file that the configuration names: its digest, which the settings of
    the jobs hold, stands for it, and where it is missing the job that needs it says so."""
    weights = feature_weights(wildcards)
    return [] if CONFIG.inception and weights == CONFIG.inception["weights"] else weights


def feature_settings(wildcards):
    """How the feature network of reference statistics is loaded."""
    for experiment in CONFIG.experiments.values():
        if experiment.feature_key == wildcards.features:
            return experiment.feature_settings
    raise WorkflowError(f"no experiment of this configuration uses {wildcards.features}")


def feature_reference(wildcards):
    experiment = CONFIG.experiments[wildcards.experiment]
    return f"results/features/{experiment.dataset}/{experiment.fid_key}.npz"


def preparation_code(wildcards):
    """Digest of the modules that preparing a data set imports, less the readers of other kinds."""
    others = set(KINDS) - {CONFIG.datasets[wildcards.dataset].kind}
    return code_of("prepare_data.py", without=others)


def raw_data(wildcards):
    """A short text that changes when raw files do. As inputs their dates would count."""
    dataset = CONFIG.datasets[wildcards.dataset]
    return raw_digest(dataset.kind, dataset.root)


def roots_of(kind):
    """Folders of raw files of all data sets of a kind."""
    return sorted({os.path.normpath(d.root) for d in CONFIG.datasets.values() if d.kind == kind})


def alternatives(texts):
    """A regular expression for any of the texts; for none of them, one that nothing fits."""
    return "|".join(map(re.escape, texts)) or "(?!)"


def notes_on_downloads():
    """What to do by hand for the data sets that no rule can fetch."""
    return [
        f"{dataset.root}: {PUBLISHED[dataset.kind].remedy}"
        for dataset in CONFIG.datasets.values()
        if dataset.kind in PUBLISHED and not PUBLISHED[dataset.kind].archive
    ] or ["Nothing has to be fetched by hand"]


def dataset_settings(wildcards):
    # Sorted, so that the order of keys in the configuration is no change.
    return json.dumps(CONFIG.dataset_settings(wildcards.dataset), sort_keys=True)


def training_settings(wildcards):
    return json.dumps(CONFIG.training_settings(run_of(wildcards)), sort_keys=True)


def state_file(wildcards):
    """Resume state: not an output, because outputs are deleted before a job runs again."""
    return run_of(wildcards).state_file


def training_gpus(wildcards):
    if CONFIG.device != "cuda":
        return 0
    return CONFIG.experiments[wildcards.experiment].processes


def scoring_gpus(wildcards):
    return 1 if CONFIG.device == "cuda" else 0


def training_priority(wildcards):
    """Long jobs first, so that the last core is not left with one: small batches take most steps."""
    return max(1, 10000 // int(wildcards.batch_size))


def runs_of(wildcards):
    """The runs of an experiment, or of one of its optimizers."""
    runs = RUNS_OF_EXPERIMENT[wildcards.experiment]
    if "optimizer" in wildcards.keys():
        runs = [run for run in runs if run.optimizer == wildcards.optimizer]
    return runs


def outputs_of(name, wildcards):
    """One output of all these runs."""
    return [run.path(name) for run in runs_of(wildcards)]


def batch_sizes_of(wildcards):
    """The batch sizes of an optimizer's runs."""
    experiment = CONFIG.experiments[wildcards.experiment]
    return list(experiment.optimizers[wildcards.optimizer].batch_sizes)


def seed_keys_of(wildcards):
    """The groups of seeds that every batch size of an experiment is trained with."""
    return list(dict.fromkeys(run.seed_key for run in RUNS_OF_EXPERIMENT[wildcards.experiment]))


def generators_of(wildcards):
    return outputs_of("generators.safetensors", wildcards)


def records_of(wildcards):
    return outputs_of("run.json", wildcards)


def histories_of_experiment(wildcards):
    return outputs_of("history.csv", wildcards)


def first_optimizer(wildcards):
    return next(iter(CONFIG.experiments[wildcards.experiment].optimizers))


def samples_of_experiment(wildcards):
    return outputs_of("samples.png", wildcards)


def run_for_fid_noise(name):
    """An input function: one output of the run whose generator shows the noise of the FID.

    The first optimizer, the middle batch size, the first group of seeds.
    """

    def output(wildcards):
        optimizer = first_optimizer(wildcards)
        experiment = CONFIG.experiments[wildcards.experiment]
        batch_sizes = sorted(experiment.optimizers[optimizer].batch_sizes)
        middle = batch_sizes[len(batch_sizes) // 2]
        seed_key = "-".join(map(str, experiment.seed_groups[0]))
        return RUN_OF_WILDCARDS[experiment.name, optimizer, str(middle), seed_key].path(name)

    return output


def threshold_of(wildcards):
    return CONFIG.experiments[wildcards.experiment].fid["threshold"]


def figure_files(stem):
    """A figure as PDF and as PNG, which the report shows, and the data behind it."""
    return [f"{stem}.pdf", figure_report(Path(stem).name, f"{stem}.png"), f"{stem}.csv"]


def figure_label(wildcards):
    """Options that name an experiment and its metric in a figure."""
    experiment = CONFIG.experiments[wildcards.experiment]
    return [
        *("--experiment", experiment.name),
        *("--section", experiment.section),
        *("--title", experiment.title),
        *("--metric", experiment.metric),
    ]


def figure_report(figure, path):
    """A figure that the report shows: its caption, and labels in place of its file name."""

    def title(wildcards):
        if "experiment" not in wildcards.keys():
            return "All experiments"
        return CONFIG.experiments[wildcards.experiment].title

    return report(
        path,
        caption=f"../report/{figure}.rst",
        category="Figures",
        subcategory=title,
        labels={"figure": FIGURE_LABELS[figure]},
    )


def facts_for_captions(wildcards, output):
    """Numbers of the run for a caption: of one experiment, or of all.

    Read again when the report is made. That it depends on `output` keeps Snakemake from taking
    other numbers for a reason to run the job again.
    """
    experiments = CONFIG.experiments.values()
    if "experiment" in wildcards.keys():
        experiments = [CONFIG.experiments[wildcards.experiment]]
    return facts(experiments)


def planned_jobs():
    """What plan_grid.py needs of every training job, as JSON."""
    return json.dumps(
        [
            {
                "section": CONFIG.experiments[run.experiment].section,
                "experiment": run.experiment,
                "optimizer": run.optimizer,
                "batch_size": run.batch_size,
                "seeds": len(run.seeds),
                "steps": step_limit(CONFIG.experiments[run.experiment].limits, run.batch_size),
            }
            for run in RUNS
        ]
    )


def probe_settings(wildcards):
    """Settings of the first group of seeds at this batch size."""
    key = (wildcards.experiment, wildcards.optimizer, wildcards.batch_size)
    for run in FIRST_RUNS:
        if (run.experiment, run.optimizer, str(run.batch_size)) == key:
            return json.dumps(CONFIG.training_settings(run), sort_keys=True)
    raise WorkflowError(f"{'/'.join(key)} is not a run of this configuration")


def noise_settings(wildcards):
    return json.dumps(CONFIG.noise_settings(wildcards.experiment), sort_keys=True)


def image_shape(wildcards):
    """Options of probe_throughput.py that stand for a data set's images."""
    dataset = CONFIG.datasets[dataset_of(wildcards)]
    return [
        *("--image-size", dataset.image_size),
        *("--channels", dataset.channels),
        *("--classes", CLASSES_FOR_PROBES.get(dataset.kind, 10)),
    ]
