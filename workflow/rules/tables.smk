# Table 3: measured beside estimated, the paper's own numbers recomputed, and what to use.


rule table3:
    input:
        critical="results/aggregate/critical.csv",
        estimates="results/theory/estimates.csv",
    output:
        csv="results/tables/table3.csv",
        md="results/tables/table3.md",
        tex="results/tables/table3.tex",
    log:
        "results/logs/table3.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        program=program("write_table3.py"),
        code=code_of("write_table3.py"),
        experiments=json.dumps(CONFIG.experiment_records()),
    message:
        "Writing Table 3"
    shell:
        "{params.program:q} --critical {input.critical:q} --estimates {input.estimates:q}"
        " --experiments {params.experiments:q} --csv {output.csv:q} --md {output.md:q}"
        " --tex {output.tex:q} > {log:q} 2>&1"


rule published:
    output:
        csv="results/tables/table3_published.csv",
    log:
        "results/logs/published.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        program=program("write_published_table.py"),
        code=code_of("write_published_table.py"),
    message:
        "Recomputing the published estimates from the published measured sizes"
    shell:
        "{params.program:q} --output {output.csv:q} > {log:q} 2>&1"


rule recommend:
    input:
        steps="results/aggregate/steps.csv",
        speed="results/aggregate/speed.csv",
        critical="results/aggregate/critical.csv",
        networks="results/aggregate/networks.csv",
        estimates="results/theory/estimates.csv",
        intervals="results/statistics/critical.csv",
    output:
        md="results/recommendation.md",
        csv="results/tables/recommendation.csv",
        others="results/tables/other_optimizers.csv",
    log:
        "results/logs/recommend.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        program=program("recommend_batch_sizes.py"),
        code=code_of("recommend_batch_sizes.py"),
        experiments=json.dumps(CONFIG.experiment_records()),
    message:
        "Recommending batch sizes"
    shell:
        "{params.program:q} --steps {input.steps:q} --speed {input.speed:q}"
        " --critical {input.critical:q} --networks {input.networks:q}"
        " --estimates {input.estimates:q} --intervals {input.intervals:q}"
        " --experiments {params.experiments:q} --csv {output.csv:q} --others {output.others:q}"
        " --md {output.md:q} > {log:q} 2>&1"
