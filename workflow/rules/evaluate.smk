# Every final generator is evaluated again with other seeds and more samples, so that N(b) does not
# rest on one lucky evaluation. A job evaluates all runs of an optimizer, because starting one takes
# longer than evaluating a run; what it has evaluated before it does not evaluate again.

from critical_batch.runs.layout import EVALUATION


rule evaluate_runs:
    input:
        manifest=prepared_data("manifest.json"),
        weights=declared_weights,
        reference=reference_to_stop,
        runs=outputs_of("run.json"),
        generators=outputs_of("generators.safetensors"),
    output:
        evaluation=EVALUATION,
    log:
        "results/logs/evaluate_runs/{experiment}.{optimizer}.log",
    benchmark:
        "results/benchmarks/evaluate_runs/{experiment}.{optimizer}.jsonl"
    conda:
        "../../envs/train.yaml"
    threads: 1
    resources:
        gpu=one_gpu,
        runtime=short_runtime,
        mem_mb=base_memory,
    params:
        program=program("evaluate_runs.py"),
        code=code_of_jobs("evaluate_runs.py"),
        content=content_of,
        directory=subpath(input.manifest, parent=True),
        runs=subpath(output.evaluation, parent=True),
        batch_sizes=lambda wildcards: list(
            CONFIG.experiments[wildcards.experiment].optimizers[wildcards.optimizer].batch_sizes
        ),
        # The groups of seeds that every batch size of an experiment is trained with.
        groups=lambda wildcards: list(
            dict.fromkeys(run.seed_key for run in RUNS_OF_EXPERIMENT[wildcards.experiment])
        ),
        weights=feature_weights,
        samples=lambda wildcards: CONFIG.experiments[wildcards.experiment].evaluation.samples,
        seeds=lambda wildcards: CONFIG.experiments[wildcards.experiment].evaluation.seeds,
        device=CONFIG.device,
    message:
        "Evaluating {wildcards.experiment}: {wildcards.optimizer}"
    # Not the paths of all runs: thousands do not fit on a command line.
    shell:
        "{params.program:q} --runs-dir {params.runs:q} --batch-sizes {params.batch_sizes:q}"
        " --groups {params.groups:q} --data-dir {params.directory:q}"
        " --weights {params.weights:q} --reference {input.reference:q}"
        " --samples {params.samples} --seeds {params.seeds} --threads {threads}"
        " --device {params.device} --output {output.evaluation:q} > {log:q} 2>&1"
