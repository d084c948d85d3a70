# How sure the measured numbers are: seeds, the noise of the distance, the choice of the threshold.

from statistics import median_high

# Experiment -> the run whose generator shows the noise of the distance: the first optimizer, the
# middle batch size, the first group of seeds.
NOISE_RUNS = {
    name: RUN_OF_WILDCARDS[
        name,
        runs[0].optimizer,
        str(median_high(run.batch_size for run in runs if run.optimizer == runs[0].optimizer)),
    ]
    for name, runs in RUNS_OF_EXPERIMENT.items()
}


rule measure_fid_noise:
    input:
        manifest=prepared_data("manifest.json"),
        weights=declared_weights,
        reference=reference_to_stop,
        run=lambda wildcards: NOISE_RUNS[wildcards.experiment].path("run.json"),
        generators=lambda wildcards: NOISE_RUNS[wildcards.experiment].path("generators.safetensors"),
    output:
        repetitions="results/noise/{experiment}.csv",
    log:
        "results/logs/measure_fid_noise/{experiment}.log",
    conda:
        "../../envs/train.yaml"
    resources:
        gpu=one_gpu,
    params:
        program=program("measure_fid_noise.py"),
        code=code_of_jobs("measure_fid_noise.py"),
        content=content_of,
        directory=subpath(input.manifest, parent=True),
        weights=feature_weights,
        sample_seeds=8,
        device=CONFIG.device,
    message:
        "Noise of the distance: one generator of {wildcards.experiment}, {params.sample_seeds} times"
    shell:
        "{params.program:q} --run {input.run:q} --generators {input.generators:q}"
        " --data-dir {params.directory:q} --weights {params.weights:q}"
        " --reference {input.reference:q} --sample-seeds {params.sample_seeds}"
        " --device {params.device} --output {output.repetitions:q} > {log:q} 2>&1"


rule compute_statistics:
    input:
        run_list="results/aggregate/runs.txt",
        runs=[run.path("run.json") for run in RUNS],
        histories=[run.path("history.csv") for run in RUNS],
        steps="results/aggregate/steps.csv",
        networks="results/aggregate/networks.csv",
        noise=collect("results/noise/{experiment}.csv", experiment=CONFIG.experiments),
    output:
        bootstrap="results/statistics/bootstrap.csv",
        critical="results/statistics/critical.csv",
        fid_noise="results/statistics/fid_noise.csv",
        threshold="results/statistics/threshold.csv",
        trend="results/statistics/threshold_trend.csv",
    log:
        "results/logs/compute_statistics.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        program=program("compute_statistics.py"),
        code=code_of("compute_statistics.py"),
    message:
        "Intervals, noise of the distance, and critical batch sizes at other thresholds"
    shell:
        "{params.program:q} --runs-file {input.run_list:q} --steps {input.steps:q}"
        " --networks {input.networks:q} --noise {input.noise:q}"
        " --bootstrap {output.bootstrap:q} --critical {output.critical:q}"
        " --fid-noise {output.fid_noise:q} --threshold {output.threshold:q}"
        " --threshold-trend {output.trend:q} > {log:q} 2>&1"
