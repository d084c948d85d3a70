# What a configuration costs, before anything is trained. Neither target is part of `all`.

from critical_batch.runs.layout import THROUGHPUT

# What plan_grid.py needs of every training job.
PLANNED_JOBS = [
    {
        "section": CONFIG.experiments[run.experiment].section,
        "experiment": run.experiment,
        "optimizer": run.optimizer,
        "batch_size": run.batch_size,
        "seeds": len(run.seeds),
        "steps": CONFIG.experiments[run.experiment].limits.last_step(run.batch_size),
    }
    for run in RUNS
]
# One run per experiment, optimizer and batch size: probing needs no second group of seeds.
FIRST_RUNS = list(
    {(run.experiment, run.optimizer, run.batch_size): run for run in reversed(RUNS)}.values()
)
# Options of probe_throughput.py that stand for a data set's images.
IMAGE_SHAPES = {
    name: [
        *("--image-size", dataset.shape.size),
        *("--channels", dataset.shape.channels),
        *("--classes", dataset.shape.classes),
    ]
    for name, dataset in CONFIG.datasets.items()
}


rule plan:
    # No output, so that the table is printed whenever it is asked for.
    log:
        "results/logs/plan.log",
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    params:
        program=program("plan_grid.py"),
        code=code_of("plan_grid.py"),
        jobs=json.dumps(PLANNED_JOBS),
        table="results/plan/plan.csv",
    message:
        "Steps, samples and hours of this configuration"
    shell:
        "{params.program:q} --jobs {params.jobs:q} --probes results/probes"
        " --output {params.table:q} 2> {log:q}"


rule probe:
    input:
        [run.throughput_file for run in FIRST_RUNS],


rule probe_throughput:
    output:
        record=THROUGHPUT,
    log:
        "results/logs/probe_throughput/{experiment}.{optimizer}.b{batch_size}.log",
    conda:
        "../../envs/train.yaml"
    threads: 1
    resources:
        gpu=one_gpu,
        mem_mb=base_memory,
    params:
        program=program("probe_throughput.py"),
        code=code_of_jobs("probe_throughput.py"),
        settings=training_settings,
        shape=lambda wildcards: IMAGE_SHAPES[dataset_of(wildcards)],
        device=CONFIG.device,
    message:
        "Probing {wildcards.experiment}: {wildcards.optimizer}, b = {wildcards.batch_size}"
    shell:
        "{params.program:q} --settings {params.settings:q} {params.shape:q}"
        " --threads {threads} --device {params.device} --output {output.record:q} > {log:q} 2>&1"
