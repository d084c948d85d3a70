# What a configuration costs, before anything is trained. Neither target is part of `all`.


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
        jobs=planned_jobs(),
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
        gpu=scoring_gpus,
        mem_mb=scoring_memory,
    params:
        program=program("probe_throughput.py"),
        code=code_of("probe_throughput.py"),
        settings=probe_settings,
        shape=image_shape,
        device=CONFIG.device,
    message:
        "Probing {wildcards.experiment}: {wildcards.optimizer}, b = {wildcards.batch_size}"
    shell:
        "{params.program:q} --settings {params.settings:q} {params.shape:q}"
        " --threads {threads} --device {params.device} --output {output.record:q} > {log:q} 2>&1"
