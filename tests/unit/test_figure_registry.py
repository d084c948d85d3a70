"""A figure is one entry: its module, caption, place in the list of results and example follow."""

import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from critical_batch.reporting.figures import captions, drawing, registry
from critical_batch.reporting.figures.registry import FIGURES, JOBS, TABLES, Scope
from figure_examples import example_inputs, example_tables
from matplotlib.figure import Figure

ROOT = Path(__file__).parents[2]
EXAMPLES, EXAMPLE_TABLES = example_inputs(), example_tables()
PER_FIGURE = pytest.mark.parametrize("name", FIGURES)

TRAINED = {
    "title": "My GAN",
    "section": "4.1",
    "seeds": "3 seeds",
    "batch_sizes": "2 to 64",
    "metric": "FID",
    "threshold": "8",
    "step_limit": "9,000",
    "samples": "2,000",
    "first_look": "",
    "sd": "",
}
SETTINGS = "**My GAN** (section 4.1): 3 seeds, b = 2 to 64, threshold FID 8, at most 9,000 steps."


@PER_FIGURE
def test_every_figure_is_drawn_from_an_example(name):
    job, tables = FIGURES[name].job, FIGURES[name].tables
    assert job in EXAMPLES, (
        f"add an example of what the job {job} is drawn from to example_inputs() of"
        " tests/unit/figure_examples.py"
    )
    assert set(tables) <= set(EXAMPLE_TABLES), (
        f"add an example of each table of {name} to example_tables() of"
        " tests/unit/figure_examples.py"
    )
    inputs = EXAMPLES[job]
    if tables:  # and from no other table than it names
        inputs = ({table: EXAMPLE_TABLES[table] for table in tables}, *inputs[1:])
    figure, data = drawing.module_of(name).draw(*inputs)
    assert isinstance(figure, Figure)
    assert len(data) > 0
    assert "sheet" not in data
    figure.draw_without_rendering()


@PER_FIGURE
def test_every_figure_has_a_caption_in_the_report(name):
    file = ROOT / "workflow" / "report" / f"{name}.rst"
    line = f'{{{{ snakemake.params.numbers.caption("{name}") }}}}\n'
    assert file.exists(), f"add {file.relative_to(ROOT)} with the line {line}"
    assert file.read_text() == line


@PER_FIGURE
def test_every_figure_is_in_the_list_of_results(name):
    listed = (ROOT / "results" / "README.md").read_text()
    row = f"| `{registry.stem(name).removeprefix('results/')}.{{pdf,png,csv}}` |"
    assert row in listed, f"add a row to results/README.md that begins with {row}"


@PER_FIGURE
def test_every_figure_is_drawn_by_the_rule_of_its_job(name):
    figure = FIGURES[name]
    rules = (ROOT / "workflow" / "rules" / "figures.smk").read_text()
    (rule,) = re.findall(rf"^rule plot_{figure.job}:\n((?: .*\n|\n)+)", rules, re.MULTILINE)
    assert f'FIGURE_FILES["{figure.job}"]' in rule
    assert f'figures=registry.drawn_by("{figure.job}")' in rule
    assert f'also=registry.modules_of("{figure.job}")' in rule
    assert not figure.tables or f'registry.tables_of("{figure.job}")' in rule
    assert name in registry.drawn_by(figure.job)
    assert f"critical_batch.reporting.figures.{name}" in registry.modules_of(figure.job)


def test_every_job_has_its_rule_and_every_other_caption_its_page():
    rules = (ROOT / "workflow" / "rules" / "figures.smk").read_text()
    assert set(re.findall(r"^rule plot_(\w+):", rules, re.MULTILINE)) == set(JOBS)
    pages = {path.stem for path in (ROOT / "workflow" / "report").glob("*.rst")} - set(FIGURES)
    assert pages == {"data", "runs", "table3", "theory", "versions", "workflow"}


def test_tables_are_those_of_the_job_and_their_columns_are_known():
    assert set(TABLES) == set(EXAMPLE_TABLES)
    assert registry.tables_of("comparison") == {
        "comparison": "results/theory/comparison.csv",
        "noise_scale": "results/theory/noise_scale.csv",
    }
    assert registry.tables_of("fid") == {}
    for job in JOBS:
        used = {table for name in registry.drawn_by(job) for table in FIGURES[name].tables}
        assert set(registry.tables_of(job)) == used


def test_files_are_those_that_need_not_be_asked_for():
    files = registry.files(["a", "b"])
    assert len(files) == len(set(files))
    folders = {
        Scope.EXPERIMENT: ["results/figures/a/", "results/figures/b/"],
        Scope.ALL: ["results/figures/"],
        Scope.ON_DEMAND: [],
    }
    assert sorted(files) == sorted(
        f"{folder}{name}.{suffix}"
        for name, figure in FIGURES.items()
        for folder in folders[JOBS[figure.job]]
        for suffix in ("pdf", "png", "csv")
    )
    assert registry.stem("learning_rates") == "results/figures/learning_rates"


def test_the_registry_is_read_without_what_draws():
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]);"
        " import critical_batch.reporting.figures.registry;"
        "print(*{name.split('.')[0] for name in sys.modules})"
    )
    command = [sys.executable, "-c", program, str(ROOT / "workflow" / "scripts")]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    loaded = set(output.split())
    assert "critical_batch" in loaded
    assert not loaded & {"matplotlib", "pandas", "numpy", "torch", "seaborn", "PIL"}


# ------------------------------------------------------------------------------------- captions


def optimizer(name, **changes):
    known = {"measured": "4", "range": "2 to 4", "arrived": "2 of 3", "bound": ""}
    return {"name": name, **known, "estimated": "", "fitted": "", "pole": "", **changes}


def test_a_caption_has_a_part_for_each_experiment():
    text = captions.caption("Steps.", map(captions.settings, [TRAINED, TRAINED | {"title": "B"}]))
    assert text == f"Steps.\n\n{SETTINGS}\n\n{SETTINGS.replace('My GAN', 'B')}"


def test_a_caption_names_samples_and_noise_of_the_fid():
    looking = {"first_look": ", of the first 500 where these give more than 12"}
    assert captions.fid_samples(TRAINED) == f"{SETTINGS} Each FID is of 2,000 samples."
    assert captions.fid_samples(TRAINED | looking) == (
        f"{SETTINGS} Each FID is of 2,000 samples, of the first 500 where these give more than 12."
    )
    assert captions.fid_noise(TRAINED) == SETTINGS
    assert captions.fid_noise(TRAINED | {"sd": "0.123"}) == (
        f"{SETTINGS} Standard deviation 0.123 at 2,000 samples."
    )


def test_a_caption_lists_what_is_known_of_each_optimizer():
    optimizers = [
        optimizer("Adam", estimated="16", fitted="7.12", pole="3.56"),
        optimizer("AdaBelief", bound="the smallest size tried, a bound"),
        optimizer("RMSProp", measured="", unmeasured="not reached", estimated="8"),
    ]
    assert captions.critical_sizes(TRAINED | {"optimizers": optimizers}).split("\n\n") == [
        SETTINGS,
        "- Adam: critical batch size 4 (single seeds: 2 to 4; 2 of 3 arrived there), estimated 16,"
        " fitted 7.12, pole 3.56",
        "- AdaBelief: critical batch size 4 (single seeds: 2 to 4; 2 of 3 arrived there; the"
        " smallest size tried, a bound)",
        "- RMSProp: critical batch size not reached, estimated 8",
    ]


# -------------------------------------------------------------------------------------- drawing


def test_a_module_that_a_figure_lacks_itself_is_no_wrong_name(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError("No module named 'seaborn'", name="seaborn")

    monkeypatch.setattr(drawing, "import_module", missing)
    with pytest.raises(ModuleNotFoundError, match="seaborn"):
        drawing.module_of("steps")


def test_figures_are_written_by_their_names(tmp_path):
    inputs = {"learning_rates": EXAMPLE_TABLES["learning_rates"]}
    drawing.draw_figures(["learning_rates"], tmp_path, inputs)
    assert {path.name for path in tmp_path.iterdir()} == {
        f"learning_rates.{suffix}" for suffix in registry.SUFFIXES
    }
    written = pd.read_csv(tmp_path / "learning_rates.csv")
    assert list(written) == list(inputs["learning_rates"])
