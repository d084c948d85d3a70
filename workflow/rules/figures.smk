# The figures: of each experiment from tables, histories and samples, and of all together.
# A job draws several, because starting one takes longer than drawing.


rule plot_curves:
    input:
        steps="results/aggregate/steps.csv",
        critical="results/aggregate/critical.csv",
        speed="results/aggregate/speed.csv",
        bootstrap="results/statistics/bootstrap.csv",
        intervals="results/statistics/critical.csv",
        thresholds="results/statistics/threshold.csv",
        fit="results/theory/censored_fit.csv",
        scores="results/noise/{experiment}.csv",
    output:
        steps=figure_files("results/figures/{experiment}/steps"),
        sfo=figure_files("results/figures/{experiment}/sfo"),
        cost=figure_files("results/figures/{experiment}/cost"),
        thresholds=figure_files("results/figures/{experiment}/thresholds"),
        fid_noise=figure_files("results/figures/{experiment}/fid_noise"),
    log:
        "results/logs/plot_curves/{experiment}.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        program=program("plot_curves.py"),
        code=code_of("plot_curves.py"),
        label=figure_label,
        facts=facts_for_captions,
        threshold=threshold_of,
        directory=subpath(output[0], parent=True),
    message:
        "Figures: steps, SFO, cost, thresholds, noise of the FID, {wildcards.experiment}"
    shell:
        "{params.program:q} --steps {input.steps:q} --critical {input.critical:q}"
        " --speed {input.speed:q} --bootstrap {input.bootstrap:q} --intervals {input.intervals:q}"
        " --thresholds {input.thresholds:q} --fit {input.fit:q} --scores {input.scores:q}"
        " {params.label:q} --threshold {params.threshold} --output-dir {params.directory:q}"
        " > {log:q} 2>&1"


rule plot_fid:
    input:
        # Its runs are inputs themselves: a list that is newer because of others is no reason.
        run_list=ancient("results/aggregate/runs.txt"),
        runs=outputs_of("run.json"),
        histories=outputs_of("history.csv"),
    output:
        fid=figure_files("results/figures/{experiment}/fid"),
        fid_samples=figure_files("results/figures/{experiment}/fid_samples"),
    log:
        "results/logs/plot_fid/{experiment}.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        program=program("plot_fid.py"),
        code=code_of("plot_fid.py"),
        label=figure_label,
        facts=facts_for_captions,
        threshold=threshold_of,
        directory=subpath(output[0], parent=True),
    message:
        "Figures: FID against steps and samples, {wildcards.experiment}"
    # A list in a file: thousands of paths do not fit on a command line.
    shell:
        "{params.program:q} --runs-file {input.run_list:q} {params.label:q}"
        " --threshold {params.threshold} --output-dir {params.directory:q} > {log:q} 2>&1"


rule plot_samples:
    input:
        run_list=ancient("results/aggregate/runs.txt"),
        critical="results/aggregate/critical.csv",
        manifest=prepared_data("manifest.json"),
        images=prepared_data("images.npy"),
        runs=outputs_of("run.json"),
        samples=outputs_of("samples.png"),
    output:
        samples=figure_files("results/figures/{experiment}/samples"),
        generators=figure_files("results/figures/{experiment}/generators"),
    log:
        "results/logs/plot_samples/{experiment}.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        program=program("plot_samples.py"),
        code=code_of("plot_samples.py"),
        content=content_of,
        label=figure_label,
        facts=facts_for_captions,
        directory=subpath(output[0], parent=True),
    message:
        "Figures: images of the final generators, {wildcards.experiment}"
    shell:
        "{params.program:q} --runs-file {input.run_list:q} --critical {input.critical:q}"
        " --images {input.images:q} {params.label:q} --output-dir {params.directory:q}"
        " > {log:q} 2>&1"


rule plot_comparison:
    input:
        comparison="results/theory/comparison.csv",
        noise_scale="results/theory/noise_scale.csv",
    output:
        critical=figure_files("results/figures/critical"),
        noise_scale=figure_files("results/figures/noise_scale"),
    log:
        "results/logs/plot_comparison.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        program=program("plot_comparison.py"),
        code=code_of("plot_comparison.py"),
        facts=facts_for_captions,
        directory=subpath(output[0], parent=True),
    message:
        "Figures: critical batch sizes and gradient noise scales of all experiments"
    shell:
        "{params.program:q} --comparison {input.comparison:q}"
        " --noise-scale {input.noise_scale:q} --output-dir {params.directory:q} > {log:q} 2>&1"


rule plot_learning_rates:
    input:
        sizes="results/theory/learning_rates.csv",
    output:
        figure_files("results/figures/learning_rates"),
    log:
        "results/logs/plot_learning_rates.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        program=program("plot_learning_rates.py"),
        code=code_of("plot_learning_rates.py"),
        facts=facts_for_captions,
        directory=subpath(output[0], parent=True),
    message:
        "Figure: critical batch size against the learning rate"
    shell:
        "{params.program:q} --sizes {input.sizes:q} --output-dir {params.directory:q}"
        " > {log:q} 2>&1"
