# Raw files of the paper's data sets that may be fetched without an account. Only for the target
# `download`, never for `all`. Code is no input here: editing it must not fetch 46 GB again.

import os

from ttur.data.sources import PUBLISHED

LSUN_ROOTS = sorted(
    {os.path.normpath(d.root) for d in CONFIG.datasets.values() if d.kind == "lsun"}
)
# What to do by hand for the data sets that no rule can fetch.
BY_HAND = [
    f"{dataset.root}: {PUBLISHED[dataset.kind].remedy}"
    for dataset in CONFIG.datasets.values()
    if dataset.kind in PUBLISHED and not PUBLISHED[dataset.kind].archive
] or ["Nothing has to be fetched by hand"]


localrules:
    download,
    download_lsun,
    unpack_lsun,


rule download:
    input:
        collect("{root}/bedroom_train_lmdb/data.mdb", root=LSUN_ROOTS),
    message:
        "\n".join(BY_HAND)


rule download_lsun:
    output:
        temp("{root}/bedroom_train_lmdb.zip"),
    log:
        "{root}/bedroom_train_lmdb.zip.log",
    wildcard_constraints:
        root=alternatives(LSUN_ROOTS),
    retries: 3
    conda:
        "../../envs/analysis.yaml"
    params:
        program=program("download_data.py"),
    message:
        "Fetching bedroom_train of LSUN (46 GB) into {wildcards.root}"
    shell:
        "{params.program:q} --kind lsun --output {output:q} 2> {log:q}"


rule unpack_lsun:
    input:
        rules.download_lsun.output,
    output:
        "{root}/bedroom_train_lmdb/data.mdb",
    log:
        "{root}/bedroom_train_lmdb.unpack.log",
    wildcard_constraints:
        root=alternatives(LSUN_ROOTS),
    conda:
        "../../envs/analysis.yaml"
    params:
        program=program("unpack_data.py"),
    message:
        "Unpacking {input} into {wildcards.root}/bedroom_train_lmdb"
    shell:
        "{params.program:q} --kind lsun --archive {input:q} --output {output:q} 2> {log:q}"
