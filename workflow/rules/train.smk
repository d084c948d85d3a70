# One training job per experiment, optimizer, batch size and group of seeds.

from critical_batch.runs.layout import RUN_DIR, TRAINING_BENCHMARK, TRAINING_LOG


rule train_gan:
    input:
        manifest=prepared_data("manifest.json"),
        weights=declared_weights,
        reference=references,
    output:
        history=f"{RUN_DIR}/history.csv",
        run=f"{RUN_DIR}/run.json",
        samples=f"{RUN_DIR}/samples.png",
        generators=f"{RUN_DIR}/generators.safetensors",
    log:
        TRAINING_LOG,
    benchmark:
        TRAINING_BENCHMARK
    # Long jobs first, so that the last core is not left with one: small batches take most steps.
    priority: lambda wildcards: max(1, 10000 // int(wildcards.batch_size))
    conda:
        "../../envs/train.yaml"
    threads: 1
    resources:
        gpu=training_gpus,
        runtime=training_runtime,
        mem_mb=training_memory,
    params:
        program=program("train_gan.py"),
        code=code_of_jobs("train_gan.py"),
        content=content_of,
        settings=training_settings,
        weights=feature_weights,
        directory=subpath(input.manifest, parent=True),
        # Resume state: not an output, because outputs are deleted before a job runs again.
        state=lambda wildcards: run_of(wildcards).state_file,
        device=CONFIG.device,
    message:
        "Training {wildcards.experiment}: {wildcards.optimizer}, b = {wildcards.batch_size}, seeds {wildcards.seeds}"
    # exec: the training takes the place of its shell, which a signal would end before it.
    shell:
        "exec {params.program:q} --settings {params.settings:q} --data-dir {params.directory:q}"
        " --weights {params.weights:q} --reference {input.reference:q} --state {params.state:q}"
        " --history {output.history:q} --run {output.run:q} --samples {output.samples:q}"
        " --generators {output.generators:q} --threads {threads} --device {params.device}"
        " > {log:q} 2>&1"
