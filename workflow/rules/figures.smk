# The figures of the paper's numerical section, per experiment.


rule plot_steps:
    input:
        steps="results/aggregate/steps.csv",
        fit="results/theory/fit.csv",
        script="workflow/scripts/plot_steps.py",
        code=imported_files("workflow/scripts/plot_steps.py"),
    output:
        pdf="results/figures/{experiment}/steps.pdf",
        png=figure_report("steps", "results/figures/{experiment}/steps.png"),
        data="results/figures/{experiment}/steps.csv",
    log:
        "results/logs/plot_steps/{experiment}.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        label=figure_label,
        facts=facts_for_captions,
        threshold=threshold_of,
    message:
        "Figure: steps against batch size, {wildcards.experiment}"
    shell:
        "python {input.script} --steps {input.steps:q} --fit {input.fit:q} {params.label:q}"
        " --threshold {params.threshold} --output-pdf {output.pdf:q} --output-png {output.png:q}"
        " --data {output.data:q} > {log:q} 2>&1"


rule plot_sfo:
    input:
        steps="results/aggregate/steps.csv",
        critical="results/aggregate/critical.csv",
        fit="results/theory/fit.csv",
        script="workflow/scripts/plot_sfo.py",
        code=imported_files("workflow/scripts/plot_sfo.py"),
    output:
        pdf="results/figures/{experiment}/sfo.pdf",
        png=figure_report("sfo", "results/figures/{experiment}/sfo.png"),
        data="results/figures/{experiment}/sfo.csv",
    log:
        "results/logs/plot_sfo/{experiment}.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        label=figure_label,
        facts=facts_for_captions,
        threshold=threshold_of,
    message:
        "Figure: SFO against batch size, {wildcards.experiment}"
    shell:
        "python {input.script} --steps {input.steps:q} --critical {input.critical:q}"
        " --fit {input.fit:q} {params.label:q} --threshold {params.threshold}"
        " --output-pdf {output.pdf:q} --output-png {output.png:q} --data {output.data:q}"
        " > {log:q} 2>&1"


rule plot_fid:
    input:
        runs=records_of_experiment,
        histories=histories_of_experiment,
        script="workflow/scripts/plot_fid.py",
        code=imported_files("workflow/scripts/plot_fid.py"),
    output:
        pdf="results/figures/{experiment}/fid.pdf",
        png=figure_report("fid", "results/figures/{experiment}/fid.png"),
        data="results/figures/{experiment}/fid.csv",
    log:
        "results/logs/plot_fid/{experiment}.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        label=figure_label,
        facts=facts_for_captions,
        threshold=threshold_of,
    message:
        "Figure: FID against steps, {wildcards.experiment}"
    shell:
        "python {input.script} --runs {input.runs:q} {params.label:q}"
        " --threshold {params.threshold} --output-pdf {output.pdf:q} --output-png {output.png:q}"
        " --data {output.data:q} > {log:q} 2>&1"


rule plot_samples:
    input:
        runs=records_of_first_optimizer,
        samples=samples_of_first_optimizer,
        script="workflow/scripts/plot_samples.py",
        code=imported_files("workflow/scripts/plot_samples.py"),
    output:
        pdf="results/figures/{experiment}/samples.pdf",
        png=figure_report("samples", "results/figures/{experiment}/samples.png"),
        data="results/figures/{experiment}/samples.csv",
    log:
        "results/logs/plot_samples/{experiment}.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        label=figure_label,
        facts=facts_for_captions,
        optimizer=first_optimizer,
    message:
        "Figure: sample images over batch sizes, {wildcards.experiment}"
    shell:
        "python {input.script} --runs {input.runs:q} --optimizer {params.optimizer:q}"
        " {params.label:q} --output-pdf {output.pdf:q} --output-png {output.png:q}"
        " --data {output.data:q} > {log:q} 2>&1"
