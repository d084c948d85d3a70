# What produced the results: configuration, code, versions, machine, times.


rule manifest:
    input:
        table="results/tables/table3.csv",
        run_list="results/aggregate/runs.txt",
        runs=[run.path("run.json") for run in RUNS],
    output:
        manifest="results/manifest.json",
    log:
        "results/logs/manifest.log",
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    params:
        program=program("write_manifest.py"),
        code=code_of("write_manifest.py"),
        config=json.dumps(config),
    message:
        "Writing the manifest of this run"
    shell:
        "{params.program:q} --config {params.config:q} --runs-file {input.run_list:q}"
        " --output {output.manifest:q} > {log:q} 2>&1"
