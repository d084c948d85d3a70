# Proposition 3.4 from the measured ratio, Theorem 3.2 fitted to the measured steps, noise scales,
# and all of them beside what was measured.


rule estimate_critical_sizes:
    input:
        critical="results/aggregate/critical.csv",
        steps="results/aggregate/steps.csv",
        networks="results/aggregate/networks.csv",
    output:
        estimates="results/theory/estimates.csv",
        fit="results/theory/fit.csv",
        censored_fit="results/theory/censored_fit.csv",
    log:
        "results/logs/estimate_critical_sizes.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        program=program("estimate_critical_sizes.py"),
        code=code_of("estimate_critical_sizes.py"),
        experiments=json.dumps(CONFIG.experiment_records()),
    message:
        "Estimating critical batch sizes"
    shell:
        "{params.program:q} --critical {input.critical:q} --steps {input.steps:q}"
        " --networks {input.networks:q} --experiments {params.experiments:q}"
        " --estimates {output.estimates:q} --fit {output.fit:q}"
        " --censored-fit {output.censored_fit:q} > {log:q} 2>&1"


rule estimate_noise_scale:
    input:
        probes=collect(
            "results/probes/gradient_noise/{experiment}.csv", experiment=CONFIG.experiments
        ),
    output:
        table="results/theory/noise_scale.csv",
    log:
        "results/logs/estimate_noise_scale.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        program=program("estimate_noise_scale.py"),
        code=code_of("estimate_noise_scale.py"),
        experiments=json.dumps(CONFIG.experiment_records()),
    message:
        "Noise scales, and estimates of critical batch sizes without a sweep"
    shell:
        "{params.program:q} --probes {input.probes:q} --experiments {params.experiments:q}"
        " --output {output.table:q} > {log:q} 2>&1"


rule compare_critical_sizes:
    input:
        critical="results/aggregate/critical.csv",
        estimates="results/theory/estimates.csv",
        noise="results/theory/noise_scale.csv",
        fit="results/theory/censored_fit.csv",
        intervals="results/statistics/critical.csv",
    output:
        table="results/theory/comparison.csv",
    log:
        "results/logs/compare_critical_sizes.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        program=program("compare_critical_sizes.py"),
        code=code_of("compare_critical_sizes.py"),
        experiments=json.dumps(CONFIG.experiment_records()),
    message:
        "Comparing estimated with measured critical batch sizes"
    shell:
        "{params.program:q} --critical {input.critical:q} --estimates {input.estimates:q}"
        " --noise-scale {input.noise:q} --fit {input.fit:q} --intervals {input.intervals:q}"
        " --experiments {params.experiments:q} --output {output.table:q} > {log:q} 2>&1"


rule learning_rate_table:
    input:
        comparison="results/theory/comparison.csv",
    output:
        table="results/theory/learning_rates.csv",
    log:
        "results/logs/learning_rate_table.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        program=program("tabulate_learning_rates.py"),
        code=code_of("tabulate_learning_rates.py"),
        experiments=json.dumps(CONFIG.experiment_records()),
    message:
        "Critical batch sizes against learning rates"
    shell:
        "{params.program:q} --comparison {input.comparison:q}"
        " --experiments {params.experiments:q} --output {output.table:q} > {log:q} 2>&1"
