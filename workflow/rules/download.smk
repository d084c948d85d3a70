# Raw files of published data sets that may be fetched without an account. Only for the target
# `download`, never for `all`. Code is no input here: editing it must not fetch 46 GB again.

import os

from critical_batch.data.kinds import published

PUBLISHED = published()
# Path of an archive, in the root of its data set -> kind of data set; path of the file that is
# wanted of it -> path of the archive.
ARCHIVES, UNPACKED = {}, {}
for dataset in CONFIG.datasets.values():
    if dataset.kind in PUBLISHED and (archive := PUBLISHED[dataset.kind].archive):
        path = os.path.normpath(os.path.join(dataset.root, archive.name))
        ARCHIVES[path] = dataset.kind
        UNPACKED[os.path.normpath(os.path.join(dataset.root, archive.member))] = path
SIZES = {path: f"{PUBLISHED[kind].archive.size / 1e9:.0f} GB" for path, kind in ARCHIVES.items()}
# What to do by hand for the data sets that no rule can fetch.
BY_HAND = [
    f"{dataset.root}: {PUBLISHED[dataset.kind].remedy}"
    for dataset in CONFIG.datasets.values()
    if dataset.kind in PUBLISHED and not PUBLISHED[dataset.kind].archive
] or ["Nothing has to be fetched by hand"]


localrules:
    download,
    download_archive,
    unpack_archive,


rule download:
    input:
        sorted(UNPACKED),
    message:
        "\n".join(BY_HAND)


rule download_archive:
    output:
        temp("{archive}"),
    log:
        "{archive}.log",
    wildcard_constraints:
        archive=alternatives(ARCHIVES),
    retries: 3
    conda:
        "../../envs/analysis.yaml"
    params:
        program=program("download_data.py"),
        kind=lambda wildcards: ARCHIVES[wildcards.archive],
        size=lambda wildcards: SIZES[wildcards.archive],
    message:
        "Fetching {wildcards.archive} ({params.size})"
    shell:
        "{params.program:q} --kind {params.kind:q} --output {output:q} 2> {log:q}"


rule unpack_archive:
    input:
        lambda wildcards: UNPACKED[wildcards.file],
    output:
        "{file}",
    log:
        "{file}.unpack.log",
    wildcard_constraints:
        file=alternatives(UNPACKED),
    conda:
        "../../envs/analysis.yaml"
    params:
        program=program("unpack_data.py"),
        kind=lambda wildcards: ARCHIVES[UNPACKED[wildcards.file]],
    message:
        "Unpacking {input} into {wildcards.file}"
    shell:
        "{params.program:q} --kind {params.kind:q} --archive {input:q} --output {output:q} 2> {log:q}"
