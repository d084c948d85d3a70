# Raw files of the paper's data sets that may be fetched without an account. Only for the target
# `download`, never for `all`. Code is no input here: editing it must not fetch 46 GB again.

LSUN_ROOTS = roots_of("lsun")


localrules:
    download,
    download_lsun,
    unpack_lsun,


rule download:
    input:
        collect("{root}/bedroom_train_lmdb/data.mdb", root=LSUN_ROOTS),
    message:
        "\n".join(notes_on_downloads())


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
