# Any data set becomes one packed uint8 array, its labels and a manifest.

from critical_batch.configuration import only_prepared
from critical_batch.data.raw import raw_digest

# No rule makes what was prepared of raw files that are gone, so nothing removes it either.
PREPARABLE = [name for name, dataset in CONFIG.datasets.items() if not only_prepared(dataset)]


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
        # Less the readers of other kinds.
        code=lambda wildcards: code_of(
            "prepare_data.py", {"data.kinds": {CONFIG.datasets[wildcards.dataset].kind}}
        ),
        # Sorted, so that the order of keys in the configuration is no change.
        settings=lambda wildcards: json.dumps(
            CONFIG.dataset_settings(wildcards.dataset), sort_keys=True
        ),
        # A short text that changes when raw files do. As inputs their dates would count.
        raw=lambda wildcards: raw_digest(
            CONFIG.datasets[wildcards.dataset].kind, CONFIG.datasets[wildcards.dataset].root
        ),
        directory=subpath(output.manifest, parent=True),
    message:
        "Packing the images of {wildcards.dataset}"
    # Not `program`, as other rules: where the workflow lies would be part of the key in the cache.
    shell:
        '"$WORKFLOW_PYTHON" "$WORKFLOW_SCRIPTS/prepare_data.py"'
        " --settings {params.settings:q} --output-dir {params.directory:q}"
        " --threads {threads} > {log:q} 2>&1"
