"""What an edit makes anew after a finished run: neither less nor more than depends on it."""

import gzip
import json
import os
import shutil
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.workflow

COSTLY = {"prepare_data", "train_classifier", "compute_reference", "train_gan", "evaluate_runs"}
COSTLY |= {"measure_fid_noise"}
FIGURES = {"plot_curves", "plot_fid", "plot_samples", "plot_comparison"}
THEORY = {"estimate_critical_sizes", "table3", "manifest"}
DCGAN = {"dcgan/Adam/b4/seeds_0-1", "dcgan/Adam/b8/seeds_0-1", "dcgan/RMSProp/b4/seeds_0-1"}
WGAN = {"wgan-gp/AdaBelief/b4/seeds_0", "wgan-gp/AdaBelief/b4/seeds_1"}
BIGGAN = {"biggan/Adam/b4/seeds_0"}
JOB = "results/runs/biggan/Adam/b4/seeds_0"
PREPARED = "resources/prepared/fashion-mnist"


def jobs(plan, rule):
    """The training jobs, or for `evaluate_runs` the optimizers, that a rule works on in a plan."""
    folders = (file.rsplit("/", 1)[0] for file, maker in plan.items() if maker == rule)
    return {folder.removeprefix("results/runs/") for folder in folders}


def optimizers(jobs):
    """The experiments and optimizers of training jobs."""
    return {"/".join(job.split("/")[:2]) for job in jobs}


def assert_retrained(plan, expected):
    """Training of these jobs and evaluation of their optimizers, and the summaries of all."""
    assert jobs(plan, "train_gan") == expected
    assert jobs(plan, "evaluate_runs") == optimizers(expected)
    assert not {"prepare_data", "train_classifier", "compute_reference"} & set(plan.values())
    assert {"aggregate_runs", *THEORY} <= set(plan.values())


def edit(checkout, file, text="EDITED = True\n"):
    """Adds a line to a file: by default one that a script or module runs."""
    with open(checkout.root / file, "a") as source:
        source.write(text)


# --------------------------------------------------------------------------------------------- code


def test_touching_sources_and_data_reruns_nothing(finished):
    for name in finished.sources():
        os.utime(finished.root / name)
    assert finished.plan() == {}


def test_comments_docstrings_and_blank_lines_rerun_nothing(finished):
    for path in (finished.root / "workflow/scripts").rglob("*.py"):
        name = str(path.relative_to(finished.root))
        edit(finished, name, '\n\n# An edit.\n"""A text about what stands above."""\n')
    assert finished.plan() == {}


@pytest.mark.parametrize(
    ("module", "rules"),
    [
        ("critical_batch/reporting/style.py", FIGURES),
        ("critical_batch/reporting/figures/generators.py", {"plot_samples"}),
        ("plot_fid.py", {"plot_fid"}),
        ("write_manifest.py", {"manifest", "versions_page"}),
        (
            "critical_batch/reporting/pages/html.py",
            {"table3_page", "runs_page", "theory_pages", "versions_page", "data_page"},
        ),
        ("critical_batch/reporting/pages/runs.py", {"runs_page"}),
    ],
)
def test_editing_the_code_of_figures_draws_and_does_nothing_else(finished, module, rules):
    edit(finished, f"workflow/scripts/{module}")
    assert set(finished.plan().values()) == rules


@pytest.mark.parametrize(
    "module", ["analysis/theory", "analysis/published", "analysis/table3", "analysis/aggregate"]
)
def test_editing_what_comes_after_training_retrains_nothing(finished, module):
    edit(finished, f"workflow/scripts/critical_batch/{module}.py")
    rules = set(finished.plan().values())
    assert "table3" in rules
    assert rules & COSTLY == set()


def test_editing_the_bootstrap_trains_and_evaluates_nothing(finished):
    edit(finished, "workflow/scripts/critical_batch/analysis/bootstrap.py")
    rules = set(finished.plan().values())
    assert "compute_statistics" in rules
    assert rules & (COSTLY | {"aggregate_runs"}) == set()


def test_editing_the_probe_measures_again_and_trains_nothing(finished):
    edit(finished, "workflow/scripts/critical_batch/training/gradient_noise.py")
    rules = {"probe_gradient_noise", "estimate_noise_scale", "compare_critical_sizes"}
    rules |= {"plot_comparison", "theory_pages"}
    assert set(finished.plan().values()) == rules


def test_editing_the_training_loop_retrains_every_job(finished):
    edit(finished, "workflow/scripts/critical_batch/training/loop.py")
    assert_retrained(finished.plan(), DCGAN | WGAN | BIGGAN)


NEW_ENTRIES = {
    "optimizers/lion.py": (
        "from . import Optimizer\n\nNAME = 'Lion'\n"
        "OPTIMIZER = Optimizer(description='Lion', build=print)\n"
    ),
    "objectives/lsgan.py": (
        "from . import ObjectiveKind\n\n"
        "OBJECTIVE = ObjectiveKind(description='Least squares', build=print)\n"
    ),
}


@pytest.mark.parametrize(
    ("modules", "expected"),
    [
        (["networks/biggan.py", "optimizers/lion.py"], BIGGAN),
        (["networks/kinds/dcgan.py", "optimizers/amsgrad.py"], DCGAN | WGAN),
        (["optimizers/adabelief.py", "metrics/features/inception.py"], WGAN),
        (["objectives/bce.py", "objectives/lsgan.py"], DCGAN),
    ],
    ids=lambda each: " ".join(sorted(each)),
)
def test_an_added_or_edited_entry_retrains_the_jobs_that_use_it(finished, modules, expected):
    """lion.py and lsgan.py are new; nothing uses them, AMSGrad or Inception."""
    for module in modules:
        text = NEW_ENTRIES.get(module, "EDITED = True\n")
        edit(finished, f"workflow/scripts/critical_batch/{module}", text)
    assert_retrained(finished.plan(), expected)


def test_editing_the_evaluation_script_evaluates_again_without_training(finished):
    edit(finished, "workflow/scripts/evaluate_runs.py")
    plan = finished.plan()
    assert jobs(plan, "evaluate_runs") == optimizers(DCGAN | WGAN | BIGGAN)
    assert "train_gan" not in plan.values()


# --------------------------------------------------------------------------------------------- data


def test_a_changed_data_set_reruns_what_was_made_of_it_and_nothing_else(finished):
    raw = finished.root / "resources/fashion-mnist/t10k-images-idx3-ubyte.gz"
    content = bytearray(gzip.decompress(raw.read_bytes()))
    content[-1] ^= 255
    raw.write_bytes(gzip.compress(content, compresslevel=1))
    assert set(finished.plan().values()) == {"prepare_data", "data_page"}
    # In one call: what depends on the data is decided when they have been prepared.
    before = finished.made()
    result = finished.snakemake(f"{JOB}/run.json")
    assert result.returncode == 0, result.stdout
    made = {file for file, date in finished.made().items() if before.get(file) != date}
    assert {file.split("/")[2] for file in made if "/prepared/" in file} == {"fashion-mnist"}
    assert {file.split("/")[2] for file in made if "/features/" in file} == {"fashion-mnist"}
    trained = {file.split("/", 2)[2] for file in made if file.endswith("history.csv")}
    assert trained == {f"{job}/history.csv" for job in BIGGAN}
    manifest = json.loads((finished.root / f"{PREPARED}/manifest.json").read_text())
    record = json.loads((finished.root / JOB / "run.json").read_text())
    assert record["dataset"]["sha256"] == manifest["sha256"]
    plan = finished.plan()
    assert jobs(plan, "train_gan") == DCGAN
    assert jobs(plan, "evaluate_runs") == optimizers(DCGAN | BIGGAN)
    assert not {"prepare_data", "train_classifier", "compute_reference"} & set(plan.values())


def test_preparing_the_same_data_again_trains_nothing(finished):
    edit(finished, "workflow/scripts/critical_batch/data/packing.py")
    assert set(finished.plan().values()) == {"prepare_data", "data_page"}
    before = finished.made()
    result = finished.snakemake()
    assert result.returncode == 0, result.stdout
    made = {file for file, date in finished.made().items() if before.get(file) != date}
    # Nor is the page of the data sets written again, since it would say the same.
    assert {file.split("/")[1] for file in made} == {"prepared", "logs"}
    assert finished.plan() == {}


def test_raw_files_that_are_gone_are_not_missed(finished):
    shutil.rmtree(finished.root / "resources/fashion-mnist")
    assert finished.plan() == {}
    (finished.root / JOB / "run.json").unlink()
    assert jobs(finished.plan(), "train_gan") == BIGGAN
    result = finished.snakemake("data", f"{PREPARED}/manifest.json", "--force", cores=1)
    assert (finished.root / PREPARED / "images.npy").exists()
    assert "Packing the images" not in result.stdout


def test_settings_of_data_whose_raw_files_are_gone_are_one_line(finished):
    shutil.rmtree(finished.root / "resources/fashion-mnist")
    before = finished.made()
    config = finished.changed_config(lambda c: c["datasets"]["fashion-mnist"].update(image_size=16))
    result = finished.snakemake(config=config, cores=1)
    assert result.returncode != 0
    assert [line for line in result.stdout.splitlines() if line.startswith("error:")] == [
        "error: config: datasets.fashion-mnist.image_size is 16, but was 8 when the images were "
        "prepared, and raw files to do it again are not in 'resources/fashion-mnist': "
        "put them back, or change it back"
    ]
    assert finished.made() == before


# ------------------------------------------------------------------------------------ dates, places


def test_work_is_kept_whatever_the_dates_of_what_it_was_made_of(finished):
    """As an archive leaves them that was packed where the clock was wrong."""
    history = (finished.root / JOB / "history.csv").read_bytes()
    (finished.root / JOB / "run.json").unlink()
    future = time.time() + 5e7
    for file in finished.root.rglob("*"):
        if ".snakemake" not in file.parts and file.is_file():
            os.utime(file, (future, future))
    assert jobs(finished.plan(), "train_gan") == BIGGAN
    result = finished.snakemake()
    assert result.returncode == 0, result.stdout
    assert (finished.root / JOB / "history.csv").read_bytes() == history
    assert finished.plan() == {}
    ran = {line.split("Rule: ")[1] for line in result.stdout.splitlines() if "Rule: " in line}
    assert not {"prepare_data", "train_classifier", "compute_reference"} & ran


def test_another_folder_and_another_interpreter_are_no_reason(finished, tmp_path_factory):
    moved = finished.copy(tmp_path_factory.mktemp("moved to") / "another place")
    assert moved.plan() == {}
    python = moved.root / "python of a user"
    python.symlink_to(sys.executable)
    command = [str(python), *moved.command("all", "--summary")[1:]]
    paths = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    result = subprocess.run(
        command, cwd=moved.root, env=moved.environment() | paths, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert "update pending" not in result.stdout


# ------------------------------------------------------------------------------------ configuration


def changed(checkout, change):
    return checkout.plan(config=checkout.changed_config(change))


def test_a_copy_of_the_configuration_reruns_nothing(finished):
    assert changed(finished, lambda config: None) == {}


def test_order_of_keys_and_written_out_defaults_retrain_nothing(finished):
    def change(config):
        config["datasets"]["mnist"] = dict(reversed(config["datasets"]["mnist"].items()))
        for name, experiment in config["experiments"].items():
            experiment["fid"] = dict(reversed(experiment["fid"].items()), pixel_map="fixed")
            config["experiments"][name] = dict(reversed(experiment.items()), discriminator_steps=1)

    assert set(changed(finished, change).values()) & COSTLY == set()


def test_editing_a_title_retrains_nothing(finished):
    plan = changed(finished, lambda c: c["experiments"]["dcgan"].update(title="Another title"))
    assert set(plan.values()) & (COSTLY | {"aggregate_runs"}) == set()
    figures = [file for file, rule in plan.items() if rule in ("plot_fid", "plot_samples")]
    assert {file.split("/")[2] for file in figures} == {"dcgan"}


def test_changing_a_rate_retrains_that_optimizer(finished):
    def change(config):
        config["experiments"]["dcgan"]["optimizers"]["Adam"]["generator_rate"] = 0.001

    plan = changed(finished, change)
    assert_retrained(plan, {"dcgan/Adam/b4/seeds_0-1", "dcgan/Adam/b8/seeds_0-1"})


def test_another_probe_trains_nothing(finished):
    plan = changed(finished, lambda c: c["experiments"]["dcgan"].update(noise_probe={"batches": 3}))
    probed = [file for file, rule in plan.items() if rule == "probe_gradient_noise"]
    assert probed == ["results/probes/gradient_noise/dcgan.csv"]
    assert set(plan.values()) & COSTLY == set()


def test_changing_a_threshold_retrains_that_experiment(finished):
    plan = changed(finished, lambda c: c["experiments"]["dcgan"]["fid"].update(threshold=90.0))
    assert_retrained(plan, DCGAN)


def test_adding_a_batch_size_adds_its_jobs(finished):
    plan = changed(finished, lambda c: c["experiments"]["dcgan"].update(batch_sizes=[4, 8, 16]))
    assert_retrained(plan, {"dcgan/Adam/b16/seeds_0-1"})


def test_adding_a_seed_of_its_own_adds_one_job_per_batch_size(finished):
    def change(config):
        config["experiments"]["wgan-gp"]["seeds"] = [0, 1, 2]

    assert_retrained(changed(finished, change), {"wgan-gp/AdaBelief/b4/seeds_2"})


def test_removing_an_optimizer_retrains_nothing(finished):
    plan = changed(finished, lambda c: c["experiments"]["dcgan"]["optimizers"].pop("RMSProp"))
    assert set(plan.values()) & COSTLY == set()
    assert {"aggregate_runs", *THEORY} <= set(plan.values())


def test_asking_for_more_evaluations_trains_nothing(finished):
    plan = changed(finished, lambda c: c["experiments"]["biggan"]["evaluation"].update(seeds=2))
    assert jobs(plan, "evaluate_runs") == optimizers(BIGGAN)
    assert "train_gan" not in plan.values()


def test_editing_a_caption_reruns_nothing(finished):
    edit(finished, "workflow/report/sfo.rst", "An edit.\n")
    for module in ("registry", "captions"):
        edit(finished, f"workflow/scripts/critical_batch/reporting/figures/{module}.py")
    assert finished.plan() == {}


# ------------------------------------------------------------------------------------------ results


def test_deleting_a_record_makes_its_job_again(finished):
    (finished.root / "results/runs/wgan-gp/AdaBelief/b4/seeds_1/run.json").unlink()
    plan = finished.plan()
    assert_retrained(plan, {"wgan-gp/AdaBelief/b4/seeds_1"})
    drawn = [file for file, rule in plan.items() if rule == "plot_fid"]
    assert {file.split("/")[2] for file in drawn} == {"wgan-gp"}


def test_deleting_a_table_writes_it_again(finished):
    (finished.root / "results/tables/table3.md").unlink()
    followers = {"manifest", "table3_page", "versions_page"}
    assert set(finished.plan().values()) <= {"table3"} | followers
    assert "results/tables/table3.md" in finished.plan()
