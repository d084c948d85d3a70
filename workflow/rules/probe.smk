# The noise of the gradients, measured in a short training: a prediction that needs no sweep.


rule probe_gradient_noise:
    input:
        manifest=prepared_data("manifest.json"),
    output:
        table="results/probes/gradient_noise/{experiment}.csv",
    log:
        "results/logs/probe_gradient_noise/{experiment}.log",
    benchmark:
        "results/benchmarks/probe_gradient_noise/{experiment}.jsonl"
    conda:
        "../../envs/train.yaml"
    threads: 1
    resources:
        gpu=one_gpu,
    params:
        program=program("probe_gradient_noise.py"),
        code=code_of_jobs("probe_gradient_noise.py"),
        content=content_of,
        settings=lambda wildcards: json.dumps(
            CONFIG.noise_settings(wildcards.experiment).to_json(), sort_keys=True
        ),
        directory=subpath(input.manifest, parent=True),
        device=CONFIG.device,
    message:
        "Measuring the gradient noise of {wildcards.experiment}"
    shell:
        "{params.program:q} --settings {params.settings:q} --data-dir {params.directory:q}"
        " --threads {threads} --device {params.device} --output {output.table:q} > {log:q} 2>&1"
