"""What an edit makes anew after a finished run: neither less nor more than depends on it."""

import gzip
import os

import pytest

pytestmark = pytest.mark.workflow

COSTLY = {"prepare_data", "train_classifier", "compute_reference", "train_gan", "evaluate_runs"}
COSTLY |= {"measure_fid_noise"}
FIGURES = {"plot_curves", "plot_fid", "plot_samples", "plot_comparison"}
THEORY = {"estimate_critical_sizes", "table3", "manifest"}
DCGAN = {"dcgan/Adam/b4/seeds_0-1", "dcgan/Adam/b8/seeds_0-1", "dcgan/RMSProp/b4/seeds_0-1"}
WGAN = {"wgan-gp/AdaBelief/b4/seeds_0", "wgan-gp/AdaBelief/b4/seeds_1"}
BIGGAN = {"biggan/Adam/b4/seeds_0"}


def jobs(plan, rule):
    """The training jobs, or for `evaluate_runs` the optimizers, that a rule works on in a plan."""
    folders = (file.rsplit("/", 1)[0] for file, maker in plan.items() if maker == rule)
    return {folder.removeprefix("results/runs/") for folder in folders}


def optimizers(jobs):
    """The experiments and optimizers of training jobs."""
    return {"/".join(job.split("/")[:2]) for job in jobs}


def assert_retrained(plan, expected):
    """Training of these jobs and scoring of their optimizers, and the summaries of all."""
    assert jobs(plan, "train_gan") == expected
    assert jobs(plan, "evaluate_runs") == optimizers(expected)
    assert not {"prepare_data", "train_classifier", "compute_reference"} & set(plan.values())
    assert {"aggregate_runs", *THEORY} <= set(plan.values())


def append_comment(checkout, file):
    with open(checkout.root / file, "a") as source:
        source.write("# An edit.\n")


# --------------------------------------------------------------------------------------------- code


def test_touching_sources_and_data_reruns_nothing(finished):
    for name in finished.sources():
        os.utime(finished.root / name)
    assert finished.plan() == {}


@pytest.mark.parametrize(
    ("module", "rules"),
    [
        ("ttur/style.py", FIGURES),
        ("ttur/figures/generators.py", {"plot_samples"}),
        ("plot_fid.py", {"plot_fid"}),
        ("write_manifest.py", {"manifest", "versions_page"}),
        (
            "ttur/report/html.py",
            {"table3_page", "runs_page", "theory_pages", "versions_page", "data_page"},
        ),
        ("ttur/report/runs.py", {"runs_page"}),
    ],
)
def test_editing_the_code_of_figures_draws_and_does_nothing_else(finished, module, rules):
    append_comment(finished, f"workflow/scripts/{module}")
    assert set(finished.plan().values()) == rules


@pytest.mark.parametrize("module", ["theory", "published", "tables", "aggregate"])
def test_editing_what_comes_after_training_retrains_nothing(finished, module):
    append_comment(finished, f"workflow/scripts/ttur/{module}.py")
    rules = set(finished.plan().values())
    assert "table3" in rules
    assert rules & COSTLY == set()


def test_editing_the_bootstrap_trains_and_scores_nothing(finished):
    append_comment(finished, "workflow/scripts/ttur/bootstrap.py")
    rules = set(finished.plan().values())
    assert "compute_statistics" in rules
    assert rules & (COSTLY | {"aggregate_runs"}) == set()


def test_editing_the_probe_measures_again_and_trains_nothing(finished):
    append_comment(finished, "workflow/scripts/ttur/training/gradient_noise.py")
    rules = {"probe_gradient_noise", "estimate_noise_scale", "compare_critical_sizes"}
    rules |= {"plot_comparison", "theory_pages"}
    assert set(finished.plan().values()) == rules


def test_editing_the_training_loop_retrains_every_job(finished):
    append_comment(finished, "workflow/scripts/ttur/training/loop.py")
    assert_retrained(finished.plan(), DCGAN | WGAN | BIGGAN)


def test_editing_the_evaluation_script_scores_again_without_training(finished):
    append_comment(finished, "workflow/scripts/evaluate_runs.py")
    plan = finished.plan()
    assert jobs(plan, "evaluate_runs") == optimizers(DCGAN | WGAN | BIGGAN)
    assert "train_gan" not in plan.values()


# --------------------------------------------------------------------------------------------- data


def test_a_changed_data_set_reruns_what_was_made_of_it_and_nothing_else(finished):
    raw = finished.root / "resources/fashion-mnist/t10k-images-idx3-ubyte.gz"
    content = bytearray(gzip.decompress(raw.read_bytes()))
    content[-1] ^= 255
    raw.write_bytes(gzip.compress(content))
    plan = finished.plan()
    assert jobs(plan, "train_gan") == DCGAN | BIGGAN
    assert jobs(plan, "evaluate_runs") == optimizers(DCGAN | BIGGAN)
    for rule in ("prepare_data", "train_classifier", "compute_reference"):
        made = [file for file, maker in plan.items() if maker == rule]
        assert {file.split("/")[2] for file in made} == {"fashion-mnist"}


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


def test_asking_for_more_scores_trains_nothing(finished):
    plan = changed(finished, lambda c: c["experiments"]["biggan"]["evaluation"].update(seeds=2))
    assert jobs(plan, "evaluate_runs") == optimizers(BIGGAN)
    assert "train_gan" not in plan.values()


def test_editing_a_caption_reruns_nothing(finished):
    append_comment(finished, "workflow/report/sfo.rst")
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
