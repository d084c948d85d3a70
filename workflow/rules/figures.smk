# The figures: of each experiment from tables, histories and samples, and of all together.
# What they are called and drawn from stands in the registry, an entry each (docs/figures.md).
# A job draws several, because starting one takes longer than drawing.

from critical_batch.reporting.figures import registry

FIGURES = registry.files(CONFIG.experiments)
# Name -> its PNG, which the report shows with a caption, and labels in place of its file name.
SHOWN = {
    name: report(
        f"{registry.stem(name)}.png",
        caption=f"../report/{name}.rst",
        category="Figures",
        subcategory=lambda wildcards: (
            CONFIG.experiments[wildcards.experiment].title
            if "experiment" in wildcards.keys()
            else "All experiments"
        ),
        labels={"figure": figure.label},
    )
    for name, figure in registry.FIGURES.items()
}
# Job -> its figures, each with its files: for the page, for the screen, and the data behind it.
FIGURE_FILES = {
    job: {
        name: [f"{registry.stem(name)}.pdf", SHOWN[name], f"{registry.stem(name)}.csv"]
        for name in registry.drawn_by(job)
    }
    for job in registry.JOBS
}
# Experiment -> options that name it and its metric in a figure.
FIGURE_LABELS = {
    name: [
        *("--experiment", name),
        *("--section", experiment.section),
        *("--title", experiment.title),
        *("--metric", experiment.metric),
        *("--threshold", experiment.stop.at_most),
    ]
    for name, experiment in CONFIG.experiments.items()
}


rule plot_curves:
    input:
        **registry.tables_of("curves"),
    output:
        **FIGURE_FILES["curves"],
    log:
        "results/logs/plot_curves/{experiment}.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        program=program("plot_curves.py"),
        code=code_of("plot_curves.py", also=registry.modules_of("curves")),
        figures=registry.drawn_by("curves"),
        tables=list(registry.tables_of("curves")),
        label=lambda wildcards: FIGURE_LABELS[wildcards.experiment],
        numbers=numbers_for_captions,
        directory=subpath(output[0], parent=True),
    message:
        "Figures from tables, {wildcards.experiment}: {params.figures}"
    shell:
        "{params.program:q} --figures {params.figures:q} --names {params.tables:q}"
        " --tables {input:q} {params.label:q} --output-dir {params.directory:q} > {log:q} 2>&1"


rule plot_fid:
    input:
        # Its runs are inputs themselves: a list that is newer because of others is no reason.
        run_list=ancient("results/aggregate/runs.txt"),
        runs=outputs_of("run.json"),
        histories=outputs_of("history.csv"),
    output:
        **FIGURE_FILES["fid"],
    log:
        "results/logs/plot_fid/{experiment}.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        program=program("plot_fid.py"),
        code=code_of("plot_fid.py", also=registry.modules_of("fid")),
        figures=registry.drawn_by("fid"),
        label=lambda wildcards: FIGURE_LABELS[wildcards.experiment],
        numbers=numbers_for_captions,
        directory=subpath(output[0], parent=True),
    message:
        "Figures of the distance in training, {wildcards.experiment}: {params.figures}"
    # A list in a file: thousands of paths do not fit on a command line.
    shell:
        "{params.program:q} --figures {params.figures:q} --runs-file {input.run_list:q}"
        " {params.label:q} --output-dir {params.directory:q} > {log:q} 2>&1"


rule plot_samples:
    input:
        run_list=ancient("results/aggregate/runs.txt"),
        critical="results/aggregate/critical.csv",
        manifest=prepared_data("manifest.json"),
        images=prepared_data("images.npy"),
        runs=outputs_of("run.json"),
        samples=outputs_of("samples.png"),
    output:
        **FIGURE_FILES["samples"],
    log:
        "results/logs/plot_samples/{experiment}.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        program=program("plot_samples.py"),
        code=code_of("plot_samples.py", also=registry.modules_of("samples")),
        content=content_of,
        figures=registry.drawn_by("samples"),
        label=lambda wildcards: FIGURE_LABELS[wildcards.experiment],
        numbers=numbers_for_captions,
        directory=subpath(output[0], parent=True),
    message:
        "Figures of the final generators' images, {wildcards.experiment}: {params.figures}"
    shell:
        "{params.program:q} --figures {params.figures:q} --runs-file {input.run_list:q}"
        " --critical {input.critical:q} --images {input.images:q} {params.label:q}"
        " --output-dir {params.directory:q} > {log:q} 2>&1"


rule plot_comparison:
    input:
        **registry.tables_of("comparison"),
    output:
        **FIGURE_FILES["comparison"],
    log:
        "results/logs/plot_comparison.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        program=program("plot_comparison.py"),
        code=code_of("plot_comparison.py", also=registry.modules_of("comparison")),
        figures=registry.drawn_by("comparison"),
        tables=list(registry.tables_of("comparison")),
        numbers=numbers_for_captions,
        directory=subpath(output[0], parent=True),
    message:
        "Figures of all experiments: {params.figures}"
    shell:
        "{params.program:q} --figures {params.figures:q} --names {params.tables:q}"
        " --tables {input:q} --output-dir {params.directory:q} > {log:q} 2>&1"


rule plot_learning_rates:
    input:
        **registry.tables_of("learning_rates"),
    output:
        **FIGURE_FILES["learning_rates"],
    log:
        "results/logs/plot_learning_rates.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        program=program("plot_comparison.py"),
        code=code_of("plot_comparison.py", also=registry.modules_of("learning_rates")),
        figures=registry.drawn_by("learning_rates"),
        tables=list(registry.tables_of("learning_rates")),
        numbers=numbers_for_captions,
        directory=subpath(output[0], parent=True),
    message:
        "Figures of all experiments: {params.figures}"
    shell:
        "{params.program:q} --figures {params.figures:q} --names {params.tables:q}"
        " --tables {input:q} --output-dir {params.directory:q} > {log:q} 2>&1"
