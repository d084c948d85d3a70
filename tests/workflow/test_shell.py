"""What the shell hands down, and from where it starts the workflow, breaks and changes no job."""

import csv
import os
import shutil

import pytest

from .checkout import copy_repository

pytestmark = pytest.mark.workflow

TABLE = "results/tables/table3_published.csv"
FIGURE = "results/figures/dcgan/fid.png"
JOB = "results/runs/wgan-gp/AdaBelief/b4/seeds_0"
HERE = "a folder of the test"

# Each with a job that it would break or change: a table, a figure, a training.
TO_A_TABLE = {
    "PYTHONPATH": HERE,
    "PYTHONOPTIMIZE": "2",
    # Snakemake itself leaves files open.
    "PYTHONWARNINGS": "error,ignore::ResourceWarning",
    "PYTHONSTARTUP": f"{HERE}/scipy.py",
    "PYTHONSAFEPATH": "1",
    "PYTHONHASHSEED": "7",
    "PYTHONUSERBASE": HERE,
    "PYTHONIOENCODING": "ascii",
    "LC_ALL": "POSIX",
    "LANG": "tr_TR.ISO-8859-9",
    "TZ": "Asia/Kathmandu",
    "TMPDIR": "/nonexistent",
    "COLUMNS": "3",
    "NO_COLOR": "1",
    "FORCE_COLOR": "1",
    "SNAKEMAKE_PROFILE": f"{HERE}/profile",
}
TO_A_FIGURE = {
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "MPLCONFIGDIR": HERE,
    "MATPLOTLIBRC": f"{HERE}/matplotlibrc",
}
TO_A_TRAINING = {
    "threads": dict.fromkeys(
        ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "7"
    ),
    "launcher": {"WORLD_SIZE": "2", "RANK": "1", "MASTER_ADDR": "localhost", "MASTER_PORT": "1"},
    "kernels": {"ONEDNN_MAX_CPU_ISA": "SSE41", "ATEN_CPU_CAPABILITY": "default"},
}


@pytest.fixture(scope="module")
def trap(tmp_path_factory):
    """A folder of a user: broken modules, a wild matplotlibrc, a profile."""
    folder = tmp_path_factory.mktemp("shell")
    for module in ("matplotlib", "scipy", "mlxtend", "safetensors", "torch"):
        (folder / f"{module}.py").write_text("raise SystemExit('from the shell')\n")
    (folder / "matplotlibrc").write_text("font.size: 30\nbackend: none\naxes.facecolor: red\n")
    (folder / "profile").mkdir()
    (folder / "profile/config.yaml").write_text("keep-going: true\nprintshellcmds: true\n")
    return folder


@pytest.fixture(scope="module")
def table(clean):
    """The published table as a quiet shell makes it."""
    assert clean.snakemake("published", cores=1).returncode == 0
    return (clean.root / TABLE).read_bytes()


@pytest.fixture(scope="module")
def drawn(smoke_run, tmp_path_factory):
    return smoke_run.checkout.copy(tmp_path_factory.mktemp("drawn"))


def again(checkout, path, rule, environment):
    words = [path, "--forcerun", rule, "--allowed-rules", rule]
    result = checkout.snakemake(*words, cores=1, environment=environment)
    assert result.returncode == 0, result.stdout
    assert "Traceback" not in result.stdout
    return (checkout.root / path).read_bytes()


def here(value, trap):
    return value.replace(HERE, str(trap))


@pytest.mark.parametrize("name", TO_A_TABLE)
def test_a_table_is_the_same(clean, table, trap, name):
    value = here(TO_A_TABLE[name], trap)
    assert again(clean, TABLE, "published", {name: value}) == table


@pytest.mark.parametrize("name", TO_A_FIGURE)
def test_a_figure_is_the_same(drawn, trap, name):
    before = (drawn.root / FIGURE).read_bytes()
    assert again(drawn, FIGURE, "plot_fid", {name: here(TO_A_FIGURE[name], trap)}) == before


@pytest.mark.parametrize("case", TO_A_TRAINING)
def test_a_training_is_the_same(drawn, case):
    history = drawn.root / JOB / "history.csv"
    before = history.read_bytes()
    again(drawn, f"{JOB}/run.json", "train_gan", TO_A_TRAINING[case])
    assert history.read_bytes() == before


def test_what_would_keep_snakemake_itself_from_starting_stays_out_of_its_jobs(clean, table, trap):
    """As where jobs have an environment of their own, which these would be wrong for."""
    (clean.root / "handed.smk").write_text(
        f'import os\nos.environ |= {{"PYTHONHOME": "/nonexistent", "PYTHONPATH": {str(trap)!r}}}\n'
        'include: "Snakefile"\n'
    )
    result = clean.snakemake("published", "--forceall", "--snakefile", "handed.smk", cores=1)
    assert result.returncode == 0, result.stdout
    assert (clean.root / TABLE).read_bytes() == table


def test_jobs_see_the_gpus_that_they_are_given(clean, tmp_path):
    """CUDA_VISIBLE_DEVICES and what Slurm sets keep their meaning."""
    (clean.root / "seen.smk").write_text(
        'include: "workflow/rules/config.smk"\ninclude: "workflow/rules/deployment.smk"\n'
        'rule seen:\n    output: "seen"\n    shell: "env > {output}"\n'
    )
    given = {"CUDA_VISIBLE_DEVICES": "3,1", "SLURM_JOB_ID": "17", "SLURM_LOCALID": "0"}
    given |= {"MPLBACKEND": "tk"}
    result = clean.snakemake("seen", "--snakefile", "seen.smk", cores=1, environment=given)
    assert result.returncode == 0, result.stdout
    seen = dict(line.split("=", 1) for line in (clean.root / "seen").read_text().splitlines())
    assert {name: seen.get(name) for name in given} == given | {"MPLBACKEND": None}
    assert seen["OMP_NUM_THREADS"] == "1"


# ---------------------------------------------------------------------------------- the interpreter


def test_jobs_run_under_the_interpreter_of_snakemake(clean, table, tmp_path):
    """Started by its path, not activated, with another `python` or none on PATH."""
    for name in ("python", "python3"):
        (tmp_path / name).write_text("#!/bin/sh\necho 'error: another python' >&2; exit 97\n")
        (tmp_path / name).chmod(0o755)
    path = os.pathsep.join([str(tmp_path), "/usr/bin", "/bin"])
    assert again(clean, TABLE, "published", {"PATH": path}) == table


# ------------------------------------------------------------------------------------ another place


@pytest.fixture
def apart(tmp_path):
    """A checkout whose path a shell would take apart, and an empty folder beside it."""
    checkout = copy_repository(tmp_path / "the work's $(flow)")
    (tmp_path / "elsewhere").mkdir()
    return checkout, tmp_path / "elsewhere"


def start(checkout, folder, *words, config=None):
    moved = type(checkout)(folder)
    return moved.snakemake(*words, "-s", str(checkout.root / "Snakefile"), config=config, cores=1)


def test_started_from_elsewhere_with_the_default_configuration(apart):
    checkout, folder = apart
    before = checkout.sources()
    result = start(checkout, folder, "published", "resources/prepared/fashion-mnist/manifest.json")
    assert result.returncode == 0, result.stdout
    made = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    made = {path for path in made if not path.startswith(".snakemake/")}
    assert made == {
        *(TABLE, "results/logs/published.log", "results/logs/prepare_data/fashion-mnist.log"),
        *(f"resources/prepared/fashion-mnist/{name}" for name in ("images.npy", "labels.npy")),
        "resources/prepared/fashion-mnist/manifest.json",
    }
    assert checkout.sources() == before
    assert checkout.made() == {"results/README.md": checkout.made()["results/README.md"]}
    plan = start(checkout, folder, "all", "--dry-run")
    assert plan.returncode == 0, plan.stdout
    assert "train_gan" in plan.stdout


def test_a_configuration_and_data_of_the_working_directory_come_first(apart):
    checkout, folder = apart
    shutil.copytree(checkout.root / "resources/fashion-mnist", folder / "resources/fashion-mnist")
    (folder / "resources/fashion-mnist/t10k-labels-idx1-ubyte.gz").write_bytes(b"another file")
    text = (checkout.root / "tests/config.smoke.yaml").read_text()
    (folder / "config.yaml").write_text(text.replace("DCGAN, smoke test", "My own title"))
    result = start(checkout, folder, "all", "--dry-run")
    assert result.returncode == 0, result.stdout
    assert "train_gan" in result.stdout
    result = start(checkout, folder, "resources/prepared/fashion-mnist/manifest.json")
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("error:")]
    assert line.startswith("error: resources/fashion-mnist/t10k-labels-idx1-ubyte.gz is ")


def test_a_folder_given_with_directory(apart):
    checkout, folder = apart
    result = start(checkout, folder, "published", "--directory", str(folder / "there"))
    assert result.returncode == 0, result.stdout
    with open(folder / "there" / TABLE, newline="") as file:
        assert len(list(csv.DictReader(file))) == 8
    assert not (folder / "results").exists()


def test_a_mistake_is_one_line_from_elsewhere_too(apart):
    checkout, folder = apart
    result = start(checkout, folder, "published", config="nothere.yaml")
    assert result.returncode != 0
    assert "Traceback" not in result.stdout
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("error:")]
    assert line.startswith("error: config: 'nothere.yaml' is not there")
