# The pages of the report: Table 3 in words, all runs, the data sets, the tables of the theory, the versions.
# `snakemake --report results/report.html` collects them with the figures (`make report`).

from critical_batch.reporting.pages.theory import TITLES
from critical_batch.tables import statistics, theory

# Name in the report (`critical_batch.reporting.pages.theory.TITLES`) -> the table behind it.
THEORY_TABLES = {
    "estimates": theory.ESTIMATES.path,
    "fit": theory.FIT.path,
    "censored_fit": theory.CENSORED_FIT.path,
    "noise_scale": theory.NOISE_SCALE.path,
    "comparison": theory.COMPARISON.path,
    "bootstrap": statistics.BOOTSTRAP.path,
    "critical_intervals": statistics.CRITICAL_INTERVALS.path,
    "threshold": statistics.THRESHOLD.path,
    "fid_noise": statistics.FID_NOISE.path,
}
REPORT_PAGES = [
    "results/tables/table3.html",
    "results/report/runs.html",
    "results/report/data.html",
    "results/report/versions.html",
    *(f"results/report/theory/{table}.html" for table in THEORY_TABLES),
]
# Data set of an experiment -> the feature networks that its images are compared with.
FEATURES_OF_DATASETS = {
    each.dataset: sorted(
        {
            other.fid.features
            for other in CONFIG.experiments.values()
            if other.dataset == each.dataset
        }
    )
    for each in CONFIG.experiments.values()
}


rule table3_page:
    input:
        table3="results/tables/table3.csv",
        critical="results/aggregate/critical.csv",
        estimates="results/theory/estimates.csv",
        networks="results/aggregate/networks.csv",
    output:
        page=report(
            "results/tables/table3.html",
            caption="../report/table3.rst",
            category="Table 3",
            labels={"page": "Measured, estimated, published"},
        ),
    log:
        "results/logs/table3_page.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        program=program("write_table3_page.py"),
        code=code_of("write_table3_page.py"),
        experiments=json.dumps(CONFIG.experiment_records()),
        numbers=numbers_for_captions,
    message:
        "Writing Table 3 as a page"
    shell:
        "{params.program:q} --table3 {input.table3:q} --critical {input.critical:q}"
        " --estimates {input.estimates:q} --networks {input.networks:q}"
        " --experiments {params.experiments:q} --output {output.page:q} > {log:q} 2>&1"


rule runs_page:
    input:
        run_list="results/aggregate/runs.txt",
        runs=[run.path("run.json") for run in RUNS],
    output:
        page=report(
            "results/report/runs.html",
            caption="../report/runs.rst",
            category="Runs",
            labels={"page": "All runs"},
        ),
    log:
        "results/logs/runs_page.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        program=program("write_runs_page.py"),
        code=code_of("write_runs_page.py"),
        numbers=numbers_for_captions,
    message:
        "Writing the page of all runs"
    shell:
        "{params.program:q} --runs-file {input.run_list:q} --output {output.page:q}"
        " > {log:q} 2>&1"


rule data_page:
    input:
        manifests=[f"resources/prepared/{name}/manifest.json" for name in FEATURES_OF_DATASETS],
    output:
        page=report(
            "results/report/data.html",
            caption="../report/data.rst",
            category="Runs",
            labels={"page": "Data sets"},
        ),
    log:
        "results/logs/data_page.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        program=program("write_data_page.py"),
        code=code_of("write_data_page.py"),
        features=json.dumps(FEATURES_OF_DATASETS),
    message:
        "Writing the page of the data sets"
    shell:
        "{params.program:q} --manifests {input.manifests:q} --features {params.features:q}"
        " --output {output.page:q} > {log:q} 2>&1"


rule versions_page:
    input:
        manifest="results/manifest.json",
    output:
        page=report(
            "results/report/versions.html",
            caption="../report/versions.rst",
            category="Runs",
            labels={"page": "Versions and machine"},
        ),
    log:
        "results/logs/versions_page.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        program=program("write_versions_page.py"),
        code=code_of("write_versions_page.py"),
    message:
        "Writing the page of versions"
    shell:
        "{params.program:q} --manifest {input.manifest:q} --output {output.page:q}"
        " > {log:q} 2>&1"


rule theory_pages:
    input:
        tables=list(THEORY_TABLES.values()),
    output:
        pages=[
            report(
                f"results/report/theory/{table}.html",
                caption="../report/theory.rst",
                category="Theory",
                labels={"table": TITLES[table].name},
            )
            for table in THEORY_TABLES
        ],
    log:
        "results/logs/theory_pages.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        program=program("write_theory_pages.py"),
        code=code_of("write_theory_pages.py"),
        numbers=numbers_for_captions,
        names=list(THEORY_TABLES),
        directory=subpath(output[0], parent=True),
    message:
        "Writing the pages of the theory's tables"
    shell:
        "{params.program:q} --names {params.names:q} --tables {input.tables:q}"
        " --output-dir {params.directory:q} > {log:q} 2>&1"
