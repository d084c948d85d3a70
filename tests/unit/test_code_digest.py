"""Code declared as a parameter: what a script imports and what that does, and nothing else."""

import hashlib
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import SETTINGS, job_of
from critical_batch.registries.code_digest import code_digest, imported_files, meaning
from critical_batch.reporting.figures import registry
from critical_batch.training.job import entries_of

DIGEST = "73e3fb972df63101e1b405f61653d3cf82b5eac6a77282155f15e8b078272c0c"

SCRIPTS = sorted(Path("workflow/scripts").glob("*.py"))
LIBRARY = Path("workflow/scripts/critical_batch")
REGISTRIES = [
    path.parent for path in LIBRARY.rglob("*.py") if re.search(r"= Registry\(", path.read_text())
]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_every_loaded_module_is_declared(script):
    """The modules that a fresh interpreter loads for the script are among the declared ones."""
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); __import__(sys.argv[2]);"
        "print('\\n'.join(m.__file__ for n, m in sys.modules.items()"
        " if n.split('.')[0] == 'critical_batch'))"
    )
    command = [sys.executable, "-c", program, str(script.parent), script.stem]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    loaded = {Path(line).resolve() for line in output.split()}
    declared = {Path(path).resolve() for path in imported_files(script)}
    assert loaded <= declared


def test_follows_relative_and_lazy_imports(tmp_path):
    package = tmp_path / "critical_batch"
    (package / "sub").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "sub" / "__init__.py").write_text("from . import inner\n")
    (package / "sub" / "inner.py").write_text("def f():\n    from ..lazy import x\n")
    (package / "lazy.py").write_text("x = 1\n")
    (package / "unused.py").write_text("")
    (tmp_path / "script.py").write_text("from critical_batch.sub import inner\n")
    names = {str(Path(p).relative_to(package)) for p in imported_files(tmp_path / "script.py")}
    assert names == {"__init__.py", "sub/__init__.py", "sub/inner.py", "lazy.py"}


def test_follows_modules_imported_by_their_dotted_name(tmp_path):
    package = tmp_path / "critical_batch"
    (package / "sub").mkdir(parents=True)
    for name in ("__init__.py", "sub/__init__.py", "sub/inner.py", "other.py"):
        (package / name).write_text("")
    (tmp_path / "script.py").write_text("import critical_batch.sub.inner, json, sub.other\n")
    found = imported_files(tmp_path / "script.py")
    names = ["__init__.py", "sub/__init__.py", "sub/inner.py"]
    assert found == [str(package / name) for name in names]


def test_imports_inside_functions_are_followed_where_it_is_asked_for(tmp_path):
    (tmp_path / "critical_batch").mkdir()
    for name in ("__init__.py", "late.py"):
        (tmp_path / "critical_batch" / name).write_text("")
    (tmp_path / "script.py").write_text(
        "import critical_batch\n\ndef f():\n    from critical_batch import late\n"
    )
    for lazily, names in ((True, ["__init__.py", "late.py"]), (False, ["__init__.py"])):
        found = imported_files(tmp_path / "script.py", lazily=lazily)
        assert [Path(path).name for path in found] == names


def test_figures_do_not_depend_on_training_nor_training_on_figures():
    training = " ".join(imported_files("workflow/scripts/train_gan.py"))
    assert "figures" not in training
    assert "theory" not in training
    assert "data/kinds" not in training
    modules = [module for job in registry.JOBS for module in registry.modules_of(job)]
    for script in ("plot_curves", "plot_comparison", "plot_fid", "plot_samples"):
        figures = " ".join(imported_files(f"workflow/scripts/{script}.py", also=modules))
        assert "critical_batch/training/" not in figures
        assert "networks" not in figures


def test_a_figure_is_drawn_anew_when_its_own_module_changes_and_for_no_caption():
    files = imported_files(
        "workflow/scripts/plot_samples.py", also=["critical_batch.reporting.figures.generators"]
    )
    names = {Path(path).stem for path in files if Path(path).parent.name == "figures"}
    assert {"generators", "samples", "sheets", "drawing"} <= names  # generators.py reads samples.py
    assert not {"registry", "captions", "steps", "shared"} & names


def test_modules_imported_by_a_name_that_a_script_is_told_are_followed(tmp_path):
    package = tmp_path / "critical_batch"
    (package / "drawn").mkdir(parents=True)
    for name in ("__init__.py", "used.py", "other.py", "drawn/__init__.py", "drawn/more.py"):
        (package / name).write_text("")
    (package / "drawn" / "told.py").write_text("from ..used import x\n")
    (tmp_path / "script.py").write_text("from critical_batch import other\n")
    found = imported_files(tmp_path / "script.py", also=["critical_batch.drawn.told"])
    names = ["__init__.py", "drawn/__init__.py", "drawn/told.py", "other.py", "used.py"]
    assert found == [str(package / name) for name in names]
    first = code_digest(tmp_path / "script.py", also=["critical_batch.drawn.told"])
    assert first != code_digest(tmp_path / "script.py")
    (package / "drawn" / "more.py").write_text("x = 1\n")
    assert code_digest(tmp_path / "script.py", also=["critical_batch.drawn.told"]) == first
    (package / "used.py").write_text("x = 1\n")
    assert code_digest(tmp_path / "script.py", also=["critical_batch.drawn.told"]) != first


def test_training_depends_on_the_contracts_of_its_own_tables_alone():
    for script in ("train_gan.py", "evaluate_runs.py", "probe_gradient_noise.py"):
        files = map(Path, imported_files(f"workflow/scripts/{script}"))
        contracts = {path.name for path in files if path.parent.name == "tables"}
        assert contracts == {"__init__.py", "contract.py", "training.py"}


CONTRACT = """
WIDTH = Column("int64", "how wide it is", "images")
COLUMNS = {"width": WIDTH, "note": Column("str", "why")}
SIZES = Table("Sizes", "results/sizes.csv", "one of them", COLUMNS)
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("how wide it is", "its width"),
        (', "images")', ', "pixels")'),
        (', "images")', ")"),
        ('"Sizes"', '"All sizes"'),
        ("results/sizes.csv", "results/all/sizes.csv"),
        ("one of them", "one size"),
        ('"why"', '"why not"'),
    ],
)
def test_the_words_of_a_contract_are_not_in_the_digest(old, new):
    assert old in CONTRACT
    assert meaning(CONTRACT.replace(old, new)) == meaning(CONTRACT)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("int64", "float64"),
        ('"width": WIDTH', '"size": WIDTH'),
        (', "note": Column("str", "why")', ""),
        ('Column("int64", "how', 'Other("int64", "how'),
    ],
)
def test_names_and_types_of_columns_are_in_the_digest(old, new):
    assert old in CONTRACT
    assert meaning(CONTRACT.replace(old, new)) != meaning(CONTRACT)


def test_words_of_other_calls_are_in_the_digest():
    source = 'say("one", "other", "third", [])\nsome.Column("one", "other")\n'
    for word in ("one", "other", "third"):
        assert meaning(source.replace(word, "new", 1)) != meaning(source)
    assert meaning(source.replace('other")', 'new")')) != meaning(source)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_job_reads_its_parameters_and_not_the_configuration(script):
    """So it needs neither pydantic nor jsonschema, nor runs again when a check is added."""
    files = imported_files(script)
    reads = any("configuration" in Path(path).parts for path in files)
    assert reads == (script.stem in ("check_config_files", "show_status"))


def test_only_the_configuration_is_checked_with_packages_of_its_own():
    wanted = re.compile(r"^\s*(from|import) (pydantic|jsonschema)\b", re.MULTILINE)
    users = {path.parent.name for path in LIBRARY.rglob("*.py") if wanted.search(path.read_text())}
    assert users == {"configuration"}


MODULE = '''"""What it is for."""
from dataclasses import dataclass, field

LIMIT = 3
"""Of what."""


@dataclass
class Job:
    """One job."""

    seeds: list[int]
    rate: float = 0.1


def train(job: Job, steps: int = 5, *rest: int, fast: bool = False) -> float:
    """Trains."""
    total: float = 0.0
    for step in range(steps):
        total += job.rate * step  # nothing else
    return total


@dataclass
def decorated(job: Job) -> float:
    return f"{job.rate:.2f} and {LIMIT!r}"
'''


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  # nothing else", ""),
        ("  # nothing else", "  # something else"),
        ("\n\nLIMIT", "\nLIMIT"),
        ('"""What it is for."""\n', ""),
        ('"""One job."""', '"""Another text."""'),
        ('    """Trains."""\n', ""),
        ('"""Of what."""', '"""Of nothing."""'),
        ("train(job: Job, steps: int = 5", "train(job, steps: float = 5"),
        (') -> float:\n    "', '):\n    "'),
        ("*rest: int, fast: bool", "*rest, fast"),
        (
            "for step in range(steps):\n        total",
            "for step in range( steps ) :\n          total",
        ),
    ],
)
def test_what_nothing_reads_is_not_in_the_digest(old, new):
    assert old in MODULE
    assert meaning(MODULE.replace(old, new, 1)) == meaning(MODULE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("LIMIT = 3", "LIMIT = 4"),
        ("LIMIT = 3", "LIMIT = 3.0"),
        ("LIMIT = 3", "LIMIT = True"),
        ("LIMIT = 3", 'LIMIT = "3"'),
        ("LIMIT = 3", 'LIMIT = b"3"'),
        ("seeds: list[int]", "seeds: list[float]"),  # of a dataclass: a field
        ("rate: float = 0.1", "rate = 0.1"),  # no field any more
        ("range(steps)", "range(steps + 1)"),
        ("+=", "-="),
        ("steps: int = 5", "steps: int = 6"),
        ("*rest: int, fast", "*, fast"),
        ("total: float = 0.0", "total: float = 1.0"),
        ("decorated(job: Job)", "decorated(job: int)"),  # the decorator may read it
        ("import dataclass, field", "import field, dataclass"),
        (":.2f", ":.3f"),
        ("{LIMIT!r}", "{LIMIT!s}"),
        ("{LIMIT!r}", "{LIMIT}"),
        ("    return total", "        return total"),  # in the loop
    ],
)
def test_what_may_change_what_runs_is_in_the_digest(old, new):
    assert old in MODULE
    assert meaning(MODULE.replace(old, new, 1)) != meaning(MODULE)


def test_the_digest_is_the_same_in_every_python():
    """A finished run stays finished under another Python: this one is of 3.11, 3.12 and 3.13."""
    assert hashlib.sha256(meaning(MODULE).encode()).hexdigest() == DIGEST


def test_the_digest_of_a_script_follows_its_modules(tmp_path):
    package = tmp_path / "critical_batch"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "used.py").write_text("x = 1\n")
    (package / "other.py").write_text("x = 1\n")
    script = tmp_path / "script.py"
    script.write_text("from critical_batch import used\n")
    first = code_digest(script)
    (package / "other.py").write_text("x = 2\n")
    assert code_digest(script) == first
    (package / "used.py").write_text("x = 1  # one\n")
    assert code_digest(script) == first
    (package / "used.py").write_text("x = 22\n")
    assert code_digest(script) != first


# ------------------------------------------------------------------------------- entries not used


def job(optimizer, networks, features, objective="bce"):
    """A job that uses these entries."""
    fid = SETTINGS["fid"] | {"features": features}
    kinds = {"networks": {"kind": networks}, "objective": {"kind": objective}}
    return job_of(SETTINGS | {"optimizer": optimizer, "fid": fid} | kinds)


DCGAN = job("Adam", "dcgan", "classifier")
BIGGAN = replace(job("AdaBelief", "biggan", "inception", "hinge"), metrics={"kid": {}})
RMSPROP = job("RMSProp", "dcgan", "classifier", "wasserstein_gp")
AMSGRAD = job("AMSGrad", "dcgan", "classifier")
JOBS = {"dcgan": DCGAN, "biggan": BIGGAN, "rmsprop": RMSPROP, "amsgrad": AMSGRAD}
ENTRY = """
from . import Optimizer

OPTIMIZER = Optimizer(description="Plain", build=None)
"""


@pytest.fixture
def scripts(tmp_path):
    """A copy of the scripts and the library."""
    ignored = shutil.ignore_patterns("__pycache__")
    return Path(shutil.copytree("workflow/scripts", tmp_path / "scripts", ignore=ignored))


def digests(scripts, script="train_gan.py"):
    return {name: code_digest(scripts / script, entries_of(one)) for name, one in JOBS.items()}


def changed(scripts, file, text="EDITED = True\n", script="train_gan.py"):
    """The jobs whose digest changes when text is added to a file of the library."""
    before = digests(scripts, script)
    with open(scripts / "critical_batch" / file, "a") as source:
        source.write(text)
    after = digests(scripts, script)
    return {name for name in JOBS if before[name] != after[name]}


@pytest.mark.parametrize(
    ("file", "jobs"),
    [
        ("networks/biggan.py", {"biggan"}),
        ("networks/kinds/biggan.py", {"biggan"}),
        ("networks/spectral.py", {"biggan"}),
        ("networks/dcgan.py", {"dcgan", "rmsprop", "amsgrad"}),
        ("networks/kinds/dcgan.py", {"dcgan", "rmsprop", "amsgrad"}),
        ("optimizers/adabelief.py", {"biggan"}),
        ("optimizers/updates/adabelief.py", {"biggan"}),
        ("optimizers/rmsprop.py", {"rmsprop"}),
        ("optimizers/adam.py", {"dcgan", "amsgrad"}),  # which AMSGrad is made of
        ("optimizers/amsgrad.py", {"amsgrad"}),
        ("optimizers/updates/without_compiler.py", {"dcgan", "rmsprop", "amsgrad"}),
        ("metrics/features/kinds/inception.py", {"biggan"}),
        ("metrics/features/inception.py", {"biggan"}),
        ("metrics/features/resize.py", {"biggan"}),
        ("metrics/features/classifier.py", {"dcgan", "rmsprop", "amsgrad"}),
        ("objectives/bce.py", {"dcgan", "amsgrad"}),
        ("objectives/losses/bce.py", {"dcgan", "amsgrad"}),
        ("objectives/hinge.py", {"biggan"}),
        ("objectives/losses/hinge.py", {"biggan"}),
        ("objectives/wasserstein_gp.py", {"rmsprop"}),
        ("objectives/losses/wasserstein.py", {"rmsprop"}),
        ("objectives/losses/penalty.py", {"rmsprop"}),
        ("objectives/__init__.py", set(JOBS)),
        ("metrics/kinds/kid.py", {"biggan"}),
        ("metrics/kernel.py", {"biggan"}),
        ("metrics/kinds/fid.py", set(JOBS)),
        ("metrics/frechet.py", set(JOBS)),
        ("metrics/__init__.py", set(JOBS)),
        ("optimizers/__init__.py", set(JOBS)),
        ("networks/kinds/__init__.py", set(JOBS)),
        ("metrics/features/kinds/__init__.py", set(JOBS)),
        ("registries/registry.py", set(JOBS)),
        ("networks/replicated.py", set(JOBS)),
        ("training/step.py", set(JOBS)),
    ],
)
def test_a_training_job_depends_on_the_entries_that_it_uses(scripts, file, jobs):
    assert changed(scripts, file) == jobs


@pytest.mark.parametrize(
    "folder",
    ["optimizers", "networks/kinds", "objectives", "metrics/features/kinds", "metrics/kinds"],
)
def test_one_entry_more_changes_no_job(scripts, folder):
    assert changed(scripts, f"{folder}/lion.py", ENTRY) == set()


def test_a_comment_in_an_entry_changes_no_job(scripts):
    assert changed(scripts, "optimizers/adam.py", "# An edit.\n") == set()


def test_evaluation_depends_on_its_networks_and_on_no_optimizer_or_objective(scripts):
    for file, jobs in (
        ("networks/biggan.py", {"biggan"}),
        ("metrics/features/resize.py", {"biggan"}),
        ("optimizers/adam.py", set()),
        ("optimizers/__init__.py", set()),
        ("objectives/bce.py", set()),
        ("objectives/__init__.py", set()),
    ):
        assert changed(scripts, file, script="evaluate_runs.py") == jobs


def test_an_entry_that_another_module_imports_counts(scripts):
    step = scripts / "critical_batch/training/step.py"
    step.write_text(f"from ..networks.kinds import biggan\n{step.read_text()}")
    assert changed(scripts, "networks/biggan.py") == set(JOBS)


def test_jobs_together_use_what_each_of_them_uses():
    assert entries_of(DCGAN, BIGGAN) == {
        "optimizers": {"Adam", "AdaBelief"},
        "networks.kinds": {"dcgan", "biggan"},
        "objectives": {"bce", "hinge"},
        "metrics.features.kinds": {"classifier", "inception"},
        "metrics.kinds": {"fid", "kid"},
    }


@pytest.mark.parametrize("name", ["Lion", "updates", "__init__"])
def test_an_entry_that_is_none_is_an_error(name):
    with pytest.raises(ValueError, match=f"no entry {name} of the registry optimizers"):
        code_digest("workflow/scripts/train_gan.py", entries_of(replace(DCGAN, optimizer=name)))


@pytest.mark.parametrize(
    "script", ["estimate_critical_sizes.py", "plot_curves.py", "check_config_files.py"]
)
def test_what_may_name_any_entry_depends_on_all(scripts, script):
    for file in ("optimizers/rmsprop.py", "optimizers/lion.py"):
        before = code_digest(scripts / script)
        with open(scripts / "critical_batch" / file, "a") as source:
            source.write("EDITED = True\n")
        assert code_digest(scripts / script) != before


def test_every_registry_has_all_its_entries_where_nobody_says_which():
    scripts = ("train_gan", "prepare_data", "estimate_critical_sizes")
    declared = {path for each in scripts for path in imported_files(f"workflow/scripts/{each}.py")}
    assert len(REGISTRIES) == 7
    for folder in REGISTRIES:
        assert {str(path) for path in folder.glob("*.py")} <= declared


def test_preparing_a_data_set_depends_on_the_reader_of_its_kind():
    files = imported_files("workflow/scripts/prepare_data.py", uses={"data.kinds": {"mnist"}})
    readers = {Path(path).stem for path in files if Path(path).parent.name == "kinds"}
    assert readers == {"__init__", "mnist"}


@pytest.mark.parametrize("one", [DCGAN, RMSPROP], ids=["Adam", "RMSProp"])
def test_a_training_loads_nothing_that_its_digest_leaves_out(one, tiny, tmp_path):
    """All of the job, to its end."""
    program = (
        "import runpy, sys; sys.argv = sys.argv[1:]; sys.path.insert(0, 'workflow/scripts');"
        "runpy.run_path(sys.argv[0], run_name='__main__');"
        "print('\\n'.join(m.__file__ for n, m in sys.modules.items()"
        " if n.split('.')[0] == 'critical_batch'))"
    )
    script = "workflow/scripts/train_gan.py"
    settings = SETTINGS | {"optimizer": one.optimizer, "hyper": {}, "objective": one.objective}
    settings |= {"limits": {"steps": 20, "samples": None}}
    arguments = tiny.command(tmp_path, settings)
    command = [sys.executable, "-c", program, script, *map(str, arguments)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    loaded = {Path(line).resolve() for line in output.split()}
    declared = {Path(path).resolve() for path in imported_files(script, uses=entries_of(one))}
    assert loaded <= declared
    folders = ("optimizers", "networks/kinds", "objectives")
    library = LIBRARY.resolve()
    entries = {path.stem for path in loaded if str(path.parent.relative_to(library)) in folders}
    assert entries == {"__init__", "dcgan", one.optimizer.lower(), one.objective["kind"]}
    metrics = {path.stem for path in loaded if path.parent == library / "metrics/kinds"}
    assert metrics == {"__init__", "fid"}
