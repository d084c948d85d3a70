# The feature network of each data set, and the statistics of its real images.


rule train_classifier:
    input:
        manifest="resources/prepared/{dataset}/manifest.json",
        script="workflow/scripts/train_classifier.py",
        code=imported_files("workflow/scripts/train_classifier.py"),
    output:
        weights="results/features/{dataset}/classifier.safetensors",
        record="results/features/{dataset}/classifier.json",
    log:
        "results/logs/train_classifier/{dataset}.log",
    benchmark:
        "results/benchmarks/train_classifier/{dataset}.jsonl"
    conda:
        "../../envs/train.yaml"
    params:
        directory=subpath(input.manifest, parent=True),
        seed=0,
        epochs=20,
    message:
        "Training the feature network of {wildcards.dataset}"
    shell:
        "python {input.script} --data-dir {params.directory:q} --seed {params.seed}"
        " --epochs {params.epochs} --output-weights {output.weights:q}"
        " --output-record {output.record:q} > {log:q} 2>&1"


rule compute_reference:
    input:
        manifest="resources/prepared/{dataset}/manifest.json",
        weights="results/features/{dataset}/{features}.safetensors",
        script="workflow/scripts/compute_reference.py",
        code=imported_files("workflow/scripts/compute_reference.py"),
    output:
        reference="results/features/{dataset}/{features}-{pixel_map}.npz",
    log:
        "results/logs/compute_reference/{dataset}.{features}-{pixel_map}.log",
    conda:
        "../../envs/train.yaml"
    params:
        directory=subpath(input.manifest, parent=True),
    message:
        "Feature statistics of the real images of {wildcards.dataset}"
    shell:
        "python {input.script} --data-dir {params.directory:q} --features {wildcards.features}"
        " --weights {input.weights:q} --pixel-map {wildcards.pixel_map}"
        " --output {output.reference:q} > {log:q} 2>&1"
