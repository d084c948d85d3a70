"""Jobs in the environments of envs/, made by a real conda: see tests/rigs/conda."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import distributions, packages_distributions, requires
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .checkout import REPOSITORY, Checkout

RIG = REPOSITORY / "tests/rigs/conda/rig.py"
ENVIRONMENTS = sorted((REPOSITORY / "envs").glob("*.yaml"))
CONTAINERS = {"dockerfile": "Dockerfile", "apptainer": "apptainer.def"}
OF_ENVIRONMENT = """
import json
from importlib.metadata import distributions
print(json.dumps({d.name: d.version for d in distributions()}))
"""


def rules_of(environment):
    """Names of the rules whose jobs run in envs/{environment}.yaml; None: in no environment."""
    found = set()
    for file in [REPOSITORY / "Snakefile", *(REPOSITORY / "workflow/rules").glob("*.smk")]:
        for text in re.split(r"^(?:rule|checkpoint) ", file.read_text(), flags=re.MULTILINE)[1:]:
            name = re.match(r"(\w+):", text)[1]
            conda = re.search(r'conda:\s+"[./]*envs/(\w+)\.yaml"', text)
            if (conda and conda[1]) == environment:
                found.add(name)
    return found


@dataclass(frozen=True)
class Conda:
    """A conda and a channel. envs: where environments are made, shared by the tests."""

    root: Path
    envs: Path
    variables: dict[str, str]

    def snakemake(self, checkout: Checkout, *words: str):
        """Like Checkout.snakemake, with --use-conda, where any other `python` than an
        environment's ends the job."""
        trap = self.root / "trap"
        trap.mkdir(exist_ok=True)
        for name in ("python", "python3"):
            (trap / name).write_text("#!/bin/sh\necho 'error: not the environment' >&2; exit 97\n")
            (trap / name).chmod(0o755)
        path = os.pathsep.join([str(trap), self.variables["PATH"], os.environ["PATH"]])
        return checkout.snakemake(
            *words,
            *("--use-conda", "--conda-prefix", str(self.envs)),
            environment=self.variables | {"PATH": path},
        )

    def prefix_of(self, package: str) -> Path:
        """The one environment that has a package."""
        (found,) = self.envs.glob(f"*/lib/python3.*/site-packages/{package}/__init__.py")
        return found.parents[4]


def packages(prefix):
    """Name -> version of what an environment's own interpreter finds."""
    command = [prefix / "bin/python", "-I", "-c", OF_ENVIRONMENT]
    return json.loads(subprocess.check_output(command, text=True))


def pins(name):
    listed = yaml.safe_load((REPOSITORY / f"envs/{name}.yaml").read_text())["dependencies"]
    return dict(pin.split("==") for pin in listed[-1]["pip"])


@pytest.fixture(scope="session")
def conda(tmp_path_factory):
    spec = importlib.util.spec_from_file_location("conda_rig", RIG)
    rig = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(rig)
    if reason := rig.obstacle():
        pytest.skip(reason)
    root = tmp_path_factory.mktemp("conda")
    made = subprocess.run([sys.executable, RIG, "up", root], capture_output=True, text=True)
    if "No matching distribution found" in made.stderr or "ConnectionError" in made.stderr:
        pytest.skip(f"no package index: {made.stderr.strip().splitlines()[-1]}")
    assert made.returncode == 0, made.stderr
    yield Conda(root, root / "environments", rig.environment(root))
    shutil.rmtree(root)  # gigabytes


# -------------------------------------------------------------------------------- with a real conda


@pytest.mark.rig
@pytest.mark.workflow
def test_every_job_of_the_analysis_runs_in_its_environment(conda, finished):
    """All but training and evaluation, on the results of a run without conda.

    To Snakemake another environment is a reason to run a job again, so every job that is allowed
    here runs: in the environment, because no other `python` is there.
    """
    # Not preparation, a checkpoint: what depends on the data is decided only when it has ended.
    allowed = (rules_of("analysis") | rules_of(None)) - {"prepare_data"}
    manifest = finished.root / "results/manifest.json"
    outside = json.loads(manifest.read_text())["packages"]
    assert "snakemake" in outside
    before = finished.made()
    result = conda.snakemake(finished, "all", "data", "--allowed-rules", *sorted(allowed))
    assert result.returncode == 0, result.stdout
    assert "Creating conda environment envs/analysis.yaml" in result.stdout

    inside = json.loads(manifest.read_text())["packages"]
    assert inside == packages(conda.prefix_of("mlxtend"))
    assert inside.items() >= pins("analysis").items()
    assert not {"snakemake", "torch"} & inside.keys()
    after = finished.made()
    assert before.keys() == after.keys()
    again = {name for name in before if before[name] != after[name]}
    trained = ("results/runs/", "results/features/", "results/benchmarks/")
    assert not {name for name in again if name.startswith(trained)}
    assert {name.split("/")[1] for name in again} == {
        *("aggregate", "statistics", "theory", "figures", "tables", "report"),
        *("recommendation.md", "manifest.json", "logs"),
    }


@pytest.mark.rig
@pytest.mark.slow
@pytest.mark.workflow
def test_the_whole_workflow_in_its_environments(conda, clean, tmp_path, smoke_run):
    """From a fresh copy, in both environments: every file of the run without conda."""
    checkout = clean.copy(tmp_path)
    result = conda.snakemake(checkout)
    assert result.returncode == 0, result.stdout
    results = checkout.root / "results"
    for name, package in (("analysis", "mlxtend"), ("train", "torchvision")):
        assert f"Creating conda environment envs/{name}.yaml" in result.stdout
        found = packages(conda.prefix_of(package))
        assert found.items() >= pins(name).items()
        assert "snakemake" not in found
    run = json.loads((results / "runs/dcgan/Adam/b4/seeds_0-1/run.json").read_text())
    assert run["versions"]["torch"].split("+")[0] == pins("train")["torch"]
    names = {path.relative_to(results) for path in results.rglob("*") if path.is_file()}
    other = smoke_run.checkout.root / "results"
    assert names == {path.relative_to(other) for path in other.rglob("*") if path.is_file()}


@pytest.mark.rig
@pytest.mark.parametrize("kind", CONTAINERS)
def test_container_recipes_are_what_snakemake_makes_of_the_environments(conda, clean, kind):
    path = os.pathsep.join([conda.variables["PATH"], os.environ["PATH"]])
    result = subprocess.run(
        clean.command("--containerize", kind)[:5],
        cwd=clean.root,
        env=clean.environment() | conda.variables | {"PATH": path},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout == (REPOSITORY / "containers" / CONTAINERS[kind]).read_text()


# ------------------------------------------------------------------------------------ without conda


def without(*commands):
    """PATH less the folders that have one of the commands."""
    folders = os.environ["PATH"].split(os.pathsep)
    return os.pathsep.join(
        folder for folder in folders if not any(Path(folder, name).exists() for name in commands)
    )


DEPLOYMENTS = {
    "no conda": (["--use-conda"], "--use-conda: there is no conda on PATH: install Miniforge"),
    "no conda, dry run": (["--sdm", "conda", "-n"], "--use-conda: there is no conda on PATH"),
    "no apptainer": (
        ["--sdm", "conda", "apptainer"],
        "--sdm apptainer: there is no apptainer on PATH: install it",
    ),
    "container without its environments": (
        ["--sdm", "apptainer"],
        "--sdm apptainer: the container holds conda environments, use --sdm conda apptainer",
    ),
}


def packages_of_snakemake():
    """Normal names of snakemake, of its installed plugins and of all that these need."""
    installed = (distribution.name for distribution in distributions())
    found, pending = set(), [name for name in installed if name.startswith("snakemake")]
    while pending:
        name = canonicalize_name(pending.pop())
        if name not in found:
            found.add(name)
            needs = map(Requirement, requires(name) or [])
            wanted = [n for n in needs if n.marker is None or n.marker.evaluate({"extra": ""})]
            pending += [need.name for need in wanted]
    return found


@pytest.mark.workflow
def test_the_workflow_itself_needs_no_more_than_snakemake(clean, tmp_path):
    """Where jobs run in environments of their own, Snakemake may stand alone in its own."""
    own = packages_of_snakemake()
    lines = (REPOSITORY / "requirements.txt").read_text().splitlines()
    pinned = {canonicalize_name(line.split("==")[0]) for line in lines if "==" in line}
    refused = sorted(
        module
        for module, packages in packages_distributions().items()
        if {canonicalize_name(package) for package in packages} & (pinned - own)
    )
    assert {"torch", "scipy", "PIL", "matplotlib"} <= set(refused)
    (tmp_path / "sitecustomize.py").write_text(
        f"import sys\nsys.modules.update(dict.fromkeys({refused}))\n"  # None: not importable
    )
    result = clean.snakemake("--dry-run", environment={"PYTHONPATH": str(tmp_path)})
    assert result.returncode == 0, result.stdout
    assert "train_gan" in result.stdout


@pytest.mark.workflow
@pytest.mark.parametrize("case", DEPLOYMENTS)
def test_missing_software_is_one_line_and_no_job(clean, case):
    options, message = DEPLOYMENTS[case]
    before = clean.made()
    path = without("conda", "apptainer", "singularity")
    result = clean.snakemake("published", *options, cores=1, environment={"PATH": path})
    assert result.returncode != 0
    assert "Traceback" not in result.stdout
    lines = [line for line in result.stdout.splitlines() if line.startswith("error:")]
    assert len(lines) == 1, result.stdout
    assert lines[0].startswith(f"error: {message}")
    assert clean.made() == before
