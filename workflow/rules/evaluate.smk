# Every final generator is scored again with other seeds and more samples, so that N(b) does not
# rest on one lucky evaluation.


rule evaluate_run:
    input:
        manifest=dataset_manifest,
        weights=declared_weights,
        reference=feature_reference,
        run=f"{RUN_DIR}/run.json",
        generators=f"{RUN_DIR}/generators.safetensors",
        script="workflow/scripts/evaluate_run.py",
    output:
        evaluation=f"{RUN_DIR}/evaluation.csv",
    log:
        "results/logs/evaluate_run/{experiment}.{optimizer}.b{batch_size}.seeds_{seeds}.log",
    conda:
        "../../envs/train.yaml"
    resources:
        gpu=scoring_gpus,
        runtime=scoring_runtime,
        mem_mb=scoring_memory,
    params:
        code=code_digest("workflow/scripts/evaluate_run.py"),
        directory=subpath(input.manifest, parent=True),
        weights=feature_weights,
        samples=lambda wildcards: CONFIG.experiments[wildcards.experiment].evaluation["samples"],
        seeds=lambda wildcards: CONFIG.experiments[wildcards.experiment].evaluation["seeds"],
        device=CONFIG.device,
    message:
        "Scoring {wildcards.experiment}: {wildcards.optimizer}, b = {wildcards.batch_size}"
    shell:
        "python {input.script} --run {input.run:q} --generators {input.generators:q}"
        " --data-dir {params.directory:q} --weights {params.weights:q}"
        " --reference {input.reference:q} --samples {params.samples} --seeds {params.seeds}"
        " --device {params.device} --output {output.evaluation:q} > {log:q} 2>&1"
