# From run records to N(b), SFO and the measured critical batch size.

EVALUATIONS = list(dict.fromkeys(run.evaluation_file for run in RUNS))


rule list_runs:
    output:
        "results/aggregate/runs.txt",
    log:
        "results/logs/list_runs.log",
    localrule: True
    params:
        runs="\n".join(run.path("run.json") for run in RUNS),
    message:
        "Listing the runs of this configuration"
    run:
        Path(output[0]).write_text(params.runs)


rule aggregate_runs:
    input:
        run_list="results/aggregate/runs.txt",
        runs=[run.path("run.json") for run in RUNS],
        evaluations=EVALUATIONS,
    output:
        steps="results/aggregate/steps.csv",
        critical="results/aggregate/critical.csv",
        networks="results/aggregate/networks.csv",
        evaluation="results/aggregate/evaluation.csv",
        speed="results/aggregate/speed.csv",
    log:
        "results/logs/aggregate_runs.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        program=program("aggregate_runs.py"),
        code=code_of("aggregate_runs.py"),
    message:
        "Steps N(b), SFO = b N(b) and measured critical batch sizes"
    # A list in a file: thousands of paths do not fit on a command line.
    shell:
        "{params.program:q} --runs-file {input.run_list:q} --steps {output.steps:q}"
        " --critical {output.critical:q} --networks {output.networks:q}"
        " --evaluation {output.evaluation:q} --speed {output.speed:q} > {log:q} 2>&1"
