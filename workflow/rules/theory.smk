# Proposition 3.4 from the measured ratio, and Theorem 3.2 fitted to the measured steps.


rule estimate_critical_sizes:
    input:
        critical="results/aggregate/critical.csv",
        steps="results/aggregate/steps.csv",
        networks="results/aggregate/networks.csv",
        script="workflow/scripts/estimate_critical_sizes.py",
        code=imported_files("workflow/scripts/estimate_critical_sizes.py"),
    output:
        estimates="results/theory/estimates.csv",
        fit="results/theory/fit.csv",
        censored_fit="results/theory/censored_fit.csv",
    log:
        "results/logs/estimate_critical_sizes.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        experiments=json.dumps(CONFIG.experiment_records()),
    message:
        "Estimating critical batch sizes"
    shell:
        "python {input.script} --critical {input.critical:q} --steps {input.steps:q}"
        " --networks {input.networks:q} --experiments {params.experiments:q}"
        " --estimates {output.estimates:q} --fit {output.fit:q}"
        " --censored-fit {output.censored_fit:q} > {log:q} 2>&1"
