# Any data set becomes one packed uint8 array, its labels and a manifest.


rule prepare_data:
    input:
        raw=raw_files,
        script="workflow/scripts/prepare_data.py",
    output:
        images="resources/prepared/{dataset}/images.npy",
        labels="resources/prepared/{dataset}/labels.npy",
        manifest="resources/prepared/{dataset}/manifest.json",
    log:
        "results/logs/prepare_data/{dataset}.log",
    # Only where `--cache` asks for it: folders that share prepared data (docs/environments.md).
    cache: True
    # Raw files and the scratch space of preparing them are where the workflow was submitted.
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    threads: 4
    params:
        code=preparation_code,
        settings=dataset_settings,
        folder=folder_state,
        directory=subpath(output.manifest, parent=True),
    message:
        "Packing the images of {wildcards.dataset}"
    shell:
        "python {input.script} --settings {params.settings:q} --output-dir {params.directory:q}"
        " --threads {threads} > {log:q} 2>&1"
