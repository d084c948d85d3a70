# The feature networks, and the statistics of each data set's real images.

from critical_batch.metrics.features.kinds import inception


rule train_classifier:
    input:
        manifest=prepared_data("manifest.json"),
    output:
        weights="results/features/{dataset}/classifier.safetensors",
        record="results/features/{dataset}/classifier.json",
    log:
        "results/logs/train_classifier/{dataset}.log",
    benchmark:
        "results/benchmarks/train_classifier/{dataset}.jsonl"
    conda:
        "../../envs/train.yaml"
    resources:
        runtime=short_runtime,
        mem_mb=classifier_memory,
    params:
        program=program("train_classifier.py"),
        code=code_of("train_classifier.py", {"metrics.features.kinds": {"classifier"}}),
        content=content_of,
        directory=subpath(input.manifest, parent=True),
        seed=0,
        epochs=20,
    message:
        "Training the feature network of {wildcards.dataset}"
    shell:
        "{params.program:q} --data-dir {params.directory:q} --seed {params.seed}"
        " --epochs {params.epochs} --output-weights {output.weights:q}"
        " --output-record {output.record:q} > {log:q} 2>&1"


rule download_inception:
    output:
        weights=inception.PUBLISHED,
    log:
        "results/logs/download_inception.log",
    cache: True
    retries: 3
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    params:
        sha256=lambda wildcards: CONFIG.inception.sha256,
    message:
        "Downloading the published weights of Inception (96 MB)"
    # Not `program`, as other rules: where the workflow lies would be part of the key in the cache.
    shell:
        '"$WORKFLOW_PYTHON" "$WORKFLOW_SCRIPTS/fetch_weights.py"'
        " --sha256 {params.sha256} --output {output.weights:q} > {log:q} 2>&1"


rule initialise_inception:
    output:
        weights=inception.RANDOM,
    log:
        "results/logs/initialise_inception.log",
    conda:
        "../../envs/train.yaml"
    params:
        program=program("initialise_inception.py"),
        code=code_of("initialise_inception.py", {"metrics.features.kinds": {"inception"}}),
        seed=0,
    message:
        "Random weights for Inception: distances will mean nothing"
    shell:
        "{params.program:q} --seed {params.seed} --output {output.weights:q} > {log:q} 2>&1"


rule compute_reference:
    input:
        manifest=prepared_data("manifest.json"),
        weights=declared_weights,
    output:
        reference="results/features/{dataset}/{features}-{pixel_map}{of_metric}.npz",
    log:
        "results/logs/compute_reference/{dataset}.{features}-{pixel_map}{of_metric}.log",
    conda:
        "../../envs/train.yaml"
    resources:
        gpu=one_gpu,
        runtime=short_runtime,
        mem_mb=base_memory,
    params:
        program=program("compute_reference.py"),
        code=lambda wildcards: code_of(
            "compute_reference.py",
            {
                "metrics.features.kinds": {feature_settings(wildcards).features},
                "metrics.kinds": {metric_of(wildcards)},
            },
        ),
        content=content_of,
        directory=subpath(input.manifest, parent=True),
        features=lambda wildcards: json.dumps(feature_settings(wildcards).to_json()),
        weights=feature_weights,
        metric=metric_of,
        device=CONFIG.device,
    message:
        "Feature statistics of the real images of {wildcards.dataset}"
    shell:
        "{params.program:q} --data-dir {params.directory:q} --features {params.features:q}"
        " --weights {params.weights:q} --pixel-map {wildcards.pixel_map}"
        " --metric {params.metric:q}"
        " --device {params.device} --output {output.reference:q} > {log:q} 2>&1"
