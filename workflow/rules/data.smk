# Any data set becomes one packed uint8 array, its labels and a manifest.


# A checkpoint, so that Snakemake asks what the data hold when they have been prepared: what depends
# on them runs again in the same call if that has changed, and only then.
checkpoint prepare_data:
    output:
        images="resources/prepared/{dataset}/images.npy",
        labels="resources/prepared/{dataset}/labels.npy",
        manifest="resources/prepared/{dataset}/manifest.json",
    log:
        "results/logs/prepare_data/{dataset}.log",
    wildcard_constraints:
        dataset=alternatives(PREPARABLE),
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
        raw=raw_data,
        directory=subpath(output.manifest, parent=True),
    message:
        "Packing the images of {wildcards.dataset}"
    # Not `program`, as other rules: where the workflow lies would be part of the key in the cache.
    shell:
        '"$WORKFLOW_PYTHON" "$WORKFLOW_SCRIPTS/prepare_data.py"'
        " --settings {params.settings:q} --output-dir {params.directory:q}"
        " --threads {threads} > {log:q} 2>&1"
