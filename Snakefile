"""Critical batch size of GAN training: from images to Table 3 in one DAG (docs/design.md)."""

from snakemake.utils import min_version

min_version("9.27.1")


include: "workflow/rules/config.smk"


# `--configfile other.yaml` replaces the default instead of being merged into it.
if not workflow.configfiles:

    configfile: DEFAULT_CONFIG


report: "workflow/report/workflow.rst"


# One machine runs as many GPU jobs as it has GPUs; on a cluster the limit is per submission.
resource_scopes:
    gpu="local",


include: "workflow/rules/deployment.smk"
include: "workflow/rules/dates.smk"
include: "workflow/rules/common.smk"
include: "workflow/rules/allocation.smk"
include: "workflow/rules/download.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/features.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/aggregate.smk"
include: "workflow/rules/statistics.smk"
include: "workflow/rules/probe.smk"
include: "workflow/rules/theory.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/provenance.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/plan.smk"


# On a cluster these stay on the submitting node.
localrules:
    all,
    data,
    train,
    figures,
    learning_rates,


rule all:
    default_target: True
    input:
        # Named here so that a deleted record is made again although the tables are newer.
        [run.path("run.json") for run in RUNS],
        rules.table3.output,
        rules.published.output,
        rules.compute_statistics.output,
        rules.compare_critical_sizes.output,
        rules.recommend.output,
        rules.manifest.output,
        FIGURES,
        REPORT_PAGES,


rule data:
    input:
        collect("resources/prepared/{dataset}/manifest.json", dataset=CONFIG.datasets),


rule train:
    input:
        [run.path("run.json") for run in RUNS],


rule figures:
    input:
        FIGURES,


# Not part of `all`: for configurations whose experiments differ in their learning rates.
rule learning_rates:
    input:
        rules.plot_learning_rates.output,
